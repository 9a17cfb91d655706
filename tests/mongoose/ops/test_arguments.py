"""What a kernel cannot take is refused by name, before it reads memory that is not there."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.ops.adam import row_adam
from mongoose.ops.backend import using
from mongoose.ops.buckets import build_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.sets import distinct, group
from mongoose.ops.shortlist import describe_rows, shortlist
from mongoose.ops.simhash import bit_distance, changed_rows, simhash
from mongoose.ops.softmax import shared_softmax_cross_entropy
from mongoose.ops.sparse_matmul import embedding_bag, sampled_matmul, scatter_rows

WEIGHT = torch.ones(5, 3)
IDS, OFFSETS = torch.tensor([0, 4, 2]), torch.tensor([0, 1, 3])
VALUES, X, BIAS = torch.ones(3), torch.ones(2, 3), torch.zeros(5)
CODES = torch.zeros(5, 2, dtype=torch.int32)
BEYOND = Candidates(IDS + 1, OFFSETS)


def adam(rows: Tensor, gradient: Tensor) -> None:
    moments = [torch.zeros(5, 3), torch.zeros(5, 3)]
    row_adam(torch.zeros(5, 3), *moments, gradient, rows, torch.zeros(1, dtype=torch.int64), 0.1, 0.9, 0.99, 0.0, 0.0)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "ids beyond the rows": (lambda: embedding_bag(WEIGHT, IDS + 1, VALUES, OFFSETS), "bags ids holds ids 1 … 5"),
    "ids of int32": (lambda: embedding_bag(WEIGHT, IDS.int(), VALUES, OFFSETS), "int32"),
    "values of another type": (lambda: embedding_bag(WEIGHT, IDS, VALUES.double(), OFFSETS), "values is torch.float64"),
    "offsets that end early": (lambda: embedding_bag(WEIGHT, IDS, VALUES, OFFSETS - 1), "must rise from 0 to the 3"),
    "offsets that fall": (lambda: embedding_bag(WEIGHT, IDS, VALUES, torch.tensor([0, 5, 3])), "must rise"),
    "another batch": (lambda: sampled_matmul(X, WEIGHT, IDS, torch.tensor([0, 3])), r"expected torch.int64 of \[3\]"),
    "another width": (lambda: sampled_matmul(X, torch.ones(5, 4), IDS, OFFSETS), r"weight .* of \[any, 3\]"),
    "negative ids": (lambda: scatter_rows(X, IDS - 1, VALUES, OFFSETS, 5), "-1"),
    "rows beyond the parameter": (lambda: adam(torch.tensor([5]), torch.ones(1, 3)), "rows holds ids 5 … 5"),
    "a gradient of other rows": (lambda: adam(torch.tensor([4]), torch.ones(2, 3)), "gradient"),
    "half precision": (lambda: embedding_bag(WEIGHT.half(), IDS, VALUES.half(), OFFSETS), "no form for torch.float16"),
    "codes beyond the buckets": (lambda: build_buckets(CODES + 4, 4), "codes 4 … 4; accepted: 0 … 3"),
    "samples beyond the batch": (lambda: group(torch.tensor([2]), torch.tensor([0]), 2), "sample holds ids 2 … 2"),
    "ids beyond the items": (lambda: distinct(torch.tensor([7]), 7), "accepted: 0 … 6"),
    "a bias too short": (lambda: rerank(X, WEIGHT, BIAS[:4], IDS, OFFSETS, 1), "bias"),
    "codes of another shape": (lambda: changed_rows(CODES, CODES[:4]), "known"),
    "codes of int64": (lambda: bit_distance(CODES.long(), CODES.long()), "int64"),
    "bits that no code has": (lambda: describe_rows(WEIGHT, CODES, 25, X[0], X[0]), "2 codes of 25 bits"),
    "no codes to sketch": (lambda: describe_rows(WEIGHT, CODES[:, :0], 4, X[0], X[0]), "0 codes of 4 bits"),
    "digests of other words": (lambda: shortlist(IDS, OFFSETS, 1, CODES[:2], 4, CODES), r"digests .* of \[5, 4\]"),
    "an offset too short": (lambda: simhash(X, torch.ones(3, 4), 2, torch.zeros(3)), "offset"),
    "labels beyond the active set": (lambda: shared_softmax_cross_entropy(X, WEIGHT, BIAS, BEYOND), "labels ids"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_by_name(what: str) -> None:
    call, words = REFUSED[what]
    with using("cpu"), pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("what", [what for what in REFUSED if re.search("beyond|negative|offsets", what)])
def test_numbers_out_of_bounds_are_refused_by_kernels_for_gpus_too(what: str) -> None:
    call, words = REFUSED[what]
    with using("emulated"), pytest.raises(ValueError, match=words):
        call()
