"""Hard negatives without tables: of a large random pool, each sample's best, shared by the batch."""

import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.ops.sets import distinct
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler


class PoolSampler(Sampler):
    """Score a pool that is drawn for the batch, keep each sample's best, and add random negatives and the labels.

    A class that was kept is in with the probability that any draw of pool or negatives held it, or a label did: which
    of the pool's classes are kept is not modelled, so that the hard ones weigh more than in an unbiased estimate.

    Args:
        pool: draws the pool; its `num_samples` count those of `random` too, and its log-probabilities are those of
            the classes that are kept. keep: classes a sample. random: the other negatives.
    """

    def __init__(self, pool: RandomSampler, *, keep: int, random: RandomSampler) -> None:
        self.pool, self.keep, self.random = pool, keep, random
        self.num_pooled = pool.num_samples - random.num_samples

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        kept = self._hardest(x, weight, bias)
        active = self.random.share(labels, kept)
        if active.log_inclusion is None or self.pool.log_inclusion is None:
            return active
        log_kept = self.pool.log_inclusion(kept, len(labels))
        where = torch.searchsorted(active.ids, kept)
        return SharedActiveSet(active.ids, active.columns, active.log_inclusion.index_copy(0, where, log_kept))

    def _hardest(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Distinct ids of the pool's classes with the largest scores of any sample."""
        pool, _ = distinct.direct(self.pool.draw()[: self.num_pooled], len(weight))
        best = topk_rows.direct(x, weight[pool], bias[pool], min(self.keep, len(pool)))
        self.retrieved = Candidates.from_rows(pool[best])
        return pool[torch.unique(best)]
