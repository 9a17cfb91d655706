"""Train huge softmax layers with locality-sensitive hashing, in torch.

Glossary (our name: meaning; the paper's symbol; the released code's name):

- code: K sign bits of one row under one table, an integer in [0, 2**K); h(x); `fp`, fingerprint
- bits K, tables L, items N (classes), dimension D, batch B
- bucket: the ids that share a code in one table
- candidates: the ids retrieved for a query; `sample_list` before labels are added
- active set: candidates (or other negatives) with the true labels; S
- rebuild: all tables anew; update: some rows moved; rehash: new hash functions
- drift: the share of code bits that changed since the tables last saw the weights; Delta H
- sampled softmax: softmax over the active set only
- round: one hashing of a sequence, R of them; n_rounds; `n_hashes`. length T, heads H, head width E, chunk m
- look-back: a chunk attends to itself and to the chunk before; `look_one_back`
- rotations: directions of a cross-polytope hash
"""

__version__ = "0.1.0"
