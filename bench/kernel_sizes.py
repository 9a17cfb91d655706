"""Sizes of the launches of CUDA kernels in one step of the papers' shapes, for what is counted and not for what is run.

Batch 256 and hidden 128 as in SLIDE §4.1; 4,096 negatives shared by the batch, or 512 candidates a sample; 16 tables.
"""

import math
from collections.abc import Mapping

from bench.speed.shapes import BATCH, HIDDEN, Shape
from cuda_kernels.kernel import Kernel, evaluate

PAPERS = ("amazon-670k", "wiki-325k", "delicious-200k")
TABLES = 16
NEGATIVES = 4096
CANDIDATES = 512  # a sample
FIT = {"M": "128", "C": "64"}  # pairs of a step of learned hashing, and rows that each is contrasted with

# What a name stands for where a kernel's own entry does not say otherwise, over the sizes of `_given`.
COMMON = {
    "N": "labels",
    "D": "hidden",
    "B": "batch",
    "L": "tables",
    "T": "tables",
    "K": "bits",
    "U": "active",
    "E": "pairs",
    "n": "pairs",
    "M": "stored_labels",
    "W": "(labels + 31) // 32",
    "S": "8",
    "C": "buckets",
    "P": "256",
    "R": "tables * bits // 256 + 1",
    "bins": "tables * bits // 3",
    "chunks": "(labels + 1023) // 1024",
    "keep": "8",
    "k": "8",
    "found": "active",
    "total": "pairs",
    "width": "8",
}
FEATURES = {"N": "features", "E": "stored_features", "U": "stored_features"}
LABELS = {"E": "stored_labels"}
OWN: Mapping[str, Mapping[str, str]] = {
    "sparse_simhash": {"S": "(hidden + 2) // 3"},
    "bit_distance": {"n": "labels"},
    "embedding_bag": FEATURES,
    "scatter_segments": FEATURES,
    "scatter_atomic": FEATURES,
    "add_at_labels": LABELS,
    "take_shares_off": LABELS,
    "softmax_samples": LABELS | {"C": "(active + 63) // 64"},
    "inverse_cdf": {"n": "negatives"},
    "scan": {"n": "256 * tables * ((labels + 1023) // 1024)"},
    "add_totals": {"n": "256 * tables * ((labels + 1023) // 1024)"},
    "list_counted": {"n": "labels"},
    "list_ranges": {"n": "batch * tables"},
    "join_rows": {"found": "8 * batch"},
    "mark_first": {"N": "pairs"},
    "bit_triplet": FIT | {"P": "tables * bits"},
    "contrastive": FIT,
    "contrastive_rows": FIT,
    "compare_copies": {"n": "active", "R": "1"},
    "dwta_csr": {"N": "batch", "E": "stored_features"},
}


def sizes(kernel: Kernel, shape: Shape) -> dict[str, int]:
    """Every size by the name that the kernel's manifest entry gives it."""
    given = _given(shape)
    return {name: evaluate(of, given) for name, of in {**COMMON, **OWN.get(kernel.name, {})}.items()}


def _given(shape: Shape) -> dict[str, int]:
    stored_labels = round(BATCH * shape.labels_per_point)
    bits = max(1, round(math.log2(shape.labels)) - 5)  # as the methods choose: some 32 rows a bucket
    return {
        "labels": shape.labels,
        "features": shape.features,
        "batch": BATCH,
        "hidden": HIDDEN,
        "tables": TABLES,
        "negatives": NEGATIVES,
        "bits": bits,
        "buckets": 2**bits,
        "stored_features": round(BATCH * shape.nnz),
        "stored_labels": stored_labels,
        "active": NEGATIVES + stored_labels,
        "pairs": BATCH * CANDIDATES,
    }
