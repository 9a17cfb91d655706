"""The kernels that rank candidates and rows against their definitions."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.backend import using
from mongoose.ops.buckets import build_buckets
from mongoose.ops.rerank import best_of_each, rerank
from mongoose.ops.retrieve import retrieve
from mongoose.ops.sets import group
from mongoose.ops.shortlist import describe_rows, shortlist
from mongoose.ops.topk import topk_rows

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
ROWS = 300


def drawn(below: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(below, shape, generator=Generator().manual_seed(seed))


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Small whole numbers: sums are exact in any order, and scores often tie."""
    return (drawn(9, *shape, seed=seed) - 4).to(dtype)


def candidates(queries: int, each: int) -> tuple[Tensor, Tensor]:
    """On average `each` rows of 300 for a query; some queries have none."""
    size = queries * each
    with using("reference"):
        return group(drawn(max(1, queries), size, seed=5), drawn(ROWS, size, seed=6), queries)


@pytest.mark.parametrize("stored", [None, torch.bfloat16], ids=["exact", "bfloat16"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("dim", "keep"), [(1, 1), (37, 10), (5, 400)])
@pytest.mark.parametrize("queries", SIZES)
def test_rerank_is_the_definition(
    both: Both, queries: int, dim: int, keep: int, dtype: torch.dtype, stored: torch.dtype | None
) -> None:
    weight, bias = whole(ROWS, dim, dtype=stored or dtype), whole(ROWS, dtype=dtype, seed=1)
    sets = candidates(queries, 3 if queries > 100 else 40)
    reference, kernel = both(rerank, whole(queries, dim, dtype=dtype, seed=2), weight, bias, *sets, keep)
    assert all(map(torch.equal, reference, kernel))


def kept(device: torch.device, scores: Tensor, count: int) -> list[int]:
    """Which of so many scores are kept, as candidates of one query."""
    ids, offsets = torch.arange(len(scores), device=device), torch.tensor([0, len(scores)], device=device)
    scores = scores.to(device)
    return rerank(scores.new_ones(1, 1), scores.unsqueeze(1), scores * 0, ids, offsets, count)[0].tolist()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [1, 3, 130, 131, 257, 1000])
def test_of_equal_scores_the_lower_ids_are_kept(device: torch.device, count: int, dtype: torch.dtype) -> None:
    assert kept(device, torch.ones(257, dtype=dtype), count) == list(range(min(count, 257)))
    order = torch.arange(257) % 2
    expected = order.argsort(descending=True, stable=True)[:count].sort().values
    assert kept(device, order.to(dtype), count) == expected.tolist()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_the_best_of_given_scores_are_the_definition(both: Both, size: int, dtype: torch.dtype) -> None:
    """Scores that are few whole numbers, so that most are equal; the second sample has nothing."""
    ids, offsets = torch.arange(size) * 3, torch.tensor([0, size // 3, size // 3, size])
    reference, kernel = both(best_of_each, whole(1, size, dtype=dtype).view(-1), ids, offsets, 9)
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [3, 49, 51, 100, 200])
def test_what_is_not_a_number_is_never_kept(device: torch.device, count: int, dtype: torch.dtype) -> None:
    scores = torch.arange(100, dtype=dtype)
    scores[::2] = math.nan
    assert kept(device, scores, count) == list(range(1, 100, 2))[-count:]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_infinite_and_negative_scores_are_in_their_order(device: torch.device, dtype: torch.dtype) -> None:
    scores = torch.tensor([-math.inf, -3.0, -1e-30, 1e-30, 2.0, 1e30, -2.0], dtype=dtype)
    bias = torch.zeros(7, dtype=dtype)
    sets = torch.arange(7), torch.tensor([0, 7])
    arguments = [given.to(device) for given in (torch.ones(1, 1, dtype=dtype), scores.unsqueeze(1), bias, *sets)]
    for count in range(1, 8):
        assert rerank(*arguments, count)[0].tolist() == sorted([5, 4, 3, 2, 6, 1, 0][:count])


@pytest.mark.parametrize(("tables", "bits"), [(1, 1), (5, 9), (12, 8), (40, 3), (120, 2)])
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_digests_are_the_definition(both: Both, rows: int, tables: int, bits: int, dtype: torch.dtype) -> None:
    weight, codes = whole(rows, 37, dtype=dtype), drawn(2**bits, rows, tables, seed=1).int()
    centre, direction = whole(37, seed=2), whole(37, seed=3)
    reference, kernel = both(describe_rows, weight, codes, bits, centre, direction)
    assert torch.equal(reference[:, :3], kernel[:, :3])
    norms = (numbers[:, 3:].contiguous().view(torch.bfloat16).float() for numbers in (reference, kernel))
    torch.testing.assert_close(*norms, rtol=2**-7, atol=0)  # roots that differ in the last bit may round differently


def digests(tables: int, bits: int) -> Tensor:
    with using("reference"):
        codes = drawn(2**bits, ROWS, tables, seed=7).int()
        return describe_rows(whole(ROWS, 8, seed=8), codes, bits, whole(8, seed=9), whole(8, seed=10))


@pytest.mark.parametrize("with_radius", [False, True], ids=["distance", "estimate"])
@pytest.mark.parametrize(("tables", "bits", "size"), [(1, 1, 1), (5, 9, 400), (12, 8, 10), (120, 2, 20)])
@pytest.mark.parametrize("queries", SIZES)
def test_shortlist_is_the_definition(
    both: Both, queries: int, tables: int, bits: int, size: int, with_radius: bool
) -> None:
    radius = drawn(8, queries, seed=11).float() if with_radius else None
    sets, codes = candidates(queries, 3 if queries > 100 else 40), drawn(2**bits, queries, tables, seed=12).int()
    reference, kernel = both(shortlist, *sets, size, codes, bits, digests(tables, bits), radius)
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("with_digests", [False, True], ids=["all", "shortlist"])
@pytest.mark.parametrize("queries", SIZES)
def test_retrieve_is_the_definition(both: Both, queries: int, with_digests: bool) -> None:
    tables, bits = (2, 4) if queries > 127 else (4, 4)
    x, weight, bias = whole(queries, 8), whole(ROWS, 8, seed=1), whole(ROWS, seed=2)
    with using("reference"):
        built = build_buckets(drawn(16, ROWS, tables, seed=3).int(), 16)
    window = torch.rand(queries, tables, generator=Generator().manual_seed(4))
    known = (digests(tables, bits), drawn(8, queries, seed=5).float()) if with_digests else ()
    codes, size = drawn(16, queries, tables, seed=6).int(), 20 if with_digests else 0
    sides = (None, None, None)
    reference, kernel = both(retrieve, x, weight, bias, codes, *built, *sides, window, 12, 7, size, bits, *known)
    assert all(map(torch.equal, reference, kernel))


def distinct_scores(queries: int, rows: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and bias whose scores differ within a query."""
    order = torch.randperm(rows, generator=Generator().manual_seed(13)).to(dtype)
    return torch.ones(queries, 1, dtype=dtype), order.unsqueeze(1), torch.zeros(rows, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "k"), [(1, 1), (33, 5), (33, 33), (200, 140)])
@pytest.mark.parametrize("queries", SIZES)
def test_topk_is_the_definition(both: Both, queries: int, rows: int, k: int, dtype: torch.dtype) -> None:
    if queries > 127:
        rows, k = min(rows, 33), min(k, 5)
    reference, kernel = both(topk_rows, *distinct_scores(queries, rows, dtype), k)
    assert torch.equal(reference, kernel)


def test_topk_of_several_blocks_is_that_of_all(both: Both) -> None:
    reference, kernel = both(topk_rows, *distinct_scores(3, 20_000, torch.float32), 17)
    assert torch.equal(reference, kernel)


def test_topk_takes_the_lower_of_equal_rows(device: torch.device) -> None:
    x, weight, bias = torch.ones(2, 1), (torch.arange(500) % 3).float().unsqueeze(1), torch.zeros(500)
    found = topk_rows(*(given.to(device) for given in (x, weight, bias)), 200)
    expected = weight[:, 0].argsort(descending=True, stable=True)[:200]
    assert torch.equal(found.cpu(), expected.expand(2, 200))
