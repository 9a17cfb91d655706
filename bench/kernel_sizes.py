"""Sizes of the launches of CUDA kernels in one step of the papers' shapes, for what is counted and not for what is run.

Batch 256 and hidden 128 as in SLIDE §4.1; 4,096 negatives shared by the batch, or 512 candidates a sample; 16 tables.
Attention: one sequence of a length of Reformer's, eight heads of 64, chunks of 64; a launch is that of the last round.
"""

import math
from collections.abc import Mapping

from bench.speed import shapes
from bench.speed.shapes import BATCH, HIDDEN, Shape
from cuda_kernels.kernel import Kernel, evaluate
from cuda_kernels.manifest import ATTENTION

PAPERS = ("amazon-670k", "wiki-325k", "delicious-200k")
REFORMERS = {  # length and rounds
    f"reformer-{length // 1024}k, {rounds} round{'s' * (rounds > 1)}": (length, rounds)
    for length in (32_768, 65_536)
    for rounds in (1, 4)
}
HEADS, HEAD, CHUNK = 8, 64, 64
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
    "check_sets": {"n": "stored_features", "S": "batch + 1"},
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


ROWS = {"N": "heads * length"}
OF_ATTENTION = {
    "N": "heads",
    "S": "length",
    "E": "head",
    "D": "head",
    "L": "rounds",
    "R": "rounds",
    "P": "length // chunk // 2",
    "m": "chunk",
    "r": "rounds - 1",
}
OWN_OF_ATTENTION: Mapping[str, Mapping[str, str]] = {"cross_polytope": ROWS, "row_products": ROWS}


def shapes_of(kernel: Kernel) -> tuple[str, ...]:
    """The shapes on which a kernel is counted."""
    return tuple(REFORMERS) if kernel in ATTENTION else PAPERS


def sizes(kernel: Kernel, shape: str) -> dict[str, int]:
    """Every size on one of the kernel's shapes, by the name that its manifest entry gives it."""
    if kernel in ATTENTION:
        named = {**OF_ATTENTION, **OWN_OF_ATTENTION.get(kernel.name, {})}
        given = _attention(*REFORMERS[shape])
    else:
        named, given = {**COMMON, **OWN.get(kernel.name, {})}, _given(shapes.get(shape))
    return {name: evaluate(of, given) for name, of in named.items()}


def _attention(length: int, rounds: int) -> dict[str, int]:
    return {"heads": HEADS, "head": HEAD, "chunk": CHUNK, "length": length, "rounds": rounds}


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
