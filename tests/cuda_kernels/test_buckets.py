"""The kernels for hash tables against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.backend import using
from mongoose.ops.buckets import build_buckets, lookup_buckets

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
TABLES = 5


def drawn(below: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(below, shape, generator=Generator().manual_seed(seed), dtype=torch.int32)


@pytest.mark.parametrize("buckets", [1, 8, 256, 300])
@pytest.mark.parametrize("items", SIZES)
def test_build_is_the_definition(both: Both, items: int, buckets: int) -> None:
    reference, kernel = both(build_buckets, drawn(buckets, items, TABLES), buckets)
    assert all(map(torch.equal, reference, kernel))


def test_build_refuses_codes_that_have_no_bucket() -> None:
    with using("emulated"), pytest.raises(ValueError, match="accepted: 0 … 7"):  # a GPU would stop for good
        build_buckets(torch.tensor([[8]], dtype=torch.int32), 8)


def built(items: int, buckets: int) -> tuple[Tensor, Tensor]:
    with using("reference"):
        return build_buckets(drawn(buckets, items, TABLES), buckets)


def sides(items: int, buckets: int) -> tuple[Tensor, Tensor, Tensor]:
    """One item in three stands in the side tables, under a new code, and is hidden in the main ones."""
    moved = torch.arange(items)[::3]
    with using("reference"):
        places, offsets = build_buckets(drawn(buckets, len(moved), TABLES, seed=1), buckets)
    hidden = torch.zeros(items, dtype=torch.bool)
    hidden[moved] = True
    return moved.int()[places], offsets, hidden


def visits(queries: int, buckets: int, number: int = TABLES) -> tuple[Tensor, Tensor]:
    """Codes, and the tables that each query visits, in an order of its own."""
    order = torch.rand(queries, TABLES, generator=Generator().manual_seed(2)).argsort(1)[:, :number]
    return drawn(buckets, queries, number, seed=3), order


@pytest.mark.parametrize("with_sides", [False, True], ids=["main", "sides"])
@pytest.mark.parametrize(("min_count", "enough"), [(1, 0), (2, 0), (1, 10)])
@pytest.mark.parametrize("queries", SIZES)
def test_lookup_is_the_definition(both: Both, queries: int, min_count: int, enough: int, with_sides: bool) -> None:
    side = sides(200, 16) if with_sides else (None, None, None)
    arguments = (*visits(queries, 16), *built(200, 16), *side)
    reference, kernel = both(lookup_buckets, *arguments, None, 0, min_count, enough)
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("items", SIZES)
def test_lookup_among_so_many_items(both: Both, items: int) -> None:
    reference, kernel = both(lookup_buckets, *visits(13, 4), *built(items, 4), *sides(items, 4))
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("with_sides", [False, True], ids=["main", "sides"])
@pytest.mark.parametrize("cap", [1, 7, 20, 10_000])
def test_lookup_sees_a_window_of_long_buckets(both: Both, cap: int, with_sides: bool) -> None:
    side = sides(300, 8) if with_sides else (None, None, None)
    codes, tables = visits(40, 8, 3)
    window = torch.rand(codes.shape, generator=Generator().manual_seed(4))
    window[0], window[1] = 0, 1 - 2**-24
    reference, kernel = both(lookup_buckets, codes, tables, *built(300, 8), *side, window, cap)
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize(("min_count", "enough"), [(1, 0), (3, 0), (1, 2500), (1, 100)])
def test_lookup_of_more_than_shared_memory_takes(both: Both, min_count: int, enough: int) -> None:
    """5,000 items in four buckets a table: a query that visits two tables or more has up to 3,800 distinct items."""
    arguments = (*visits(11, 4), *built(5000, 4), *sides(5000, 4))
    reference, kernel = both(lookup_buckets, *arguments, None, 0, min_count, enough)
    assert enough == 100 or int(reference[1].diff().max()) > 2048 or min_count > 1
    assert all(map(torch.equal, reference, kernel))


def test_lookup_where_just_as_many_items_as_fit_are_found(both: Both) -> None:
    for items in (2047, 2048, 2049):
        tables = torch.zeros(1, 1, dtype=torch.int64)
        reference, kernel = both(lookup_buckets, drawn(1, 1, 1), tables, *built(items, 1))
        assert all(map(torch.equal, reference, kernel))
