"""Prefix sums, ranges and stable sorts on CUDA kernels."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.cuda.lists import counted, joined, offsets_of
from mongoose.ops.cuda.radix_sort import sorted_keys, sorted_places
from mongoose.ops.ragged import ranges

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


def drawn(below: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(below, shape, generator=Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [*SIZES, 1023, 1024, 1025, 5000])
def test_offsets_are_sums_of_the_counts_before(device: torch.device, size: int) -> None:
    counts = drawn(5, size)
    expected = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    assert torch.equal(offsets_of(counts.to(device)).cpu(), expected)


def test_offsets_of_more_blocks_than_a_block_scans(device: torch.device) -> None:
    counts = torch.ones(1024 * 1024 + 5, dtype=torch.int64, device=device)
    assert torch.equal(offsets_of(counts).cpu(), torch.arange(len(counts) + 1))


@pytest.mark.parametrize("size", SIZES)
def test_counted_places_are_those_of_the_ones(device: torch.device, size: int) -> None:
    flags = drawn(2, size)
    assert torch.equal(counted(flags.to(device)).cpu(), flags.nonzero().squeeze(1))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_joined_rows_keep_the_first_of_each(device: torch.device, size: int, dtype: torch.dtype) -> None:
    rows, found = drawn(1000, size, 40).to(dtype), drawn(41, size, seed=1)
    ids, offsets = joined(rows.to(device), found.to(device))
    assert torch.equal(ids.cpu(), rows[torch.arange(40) < found.unsqueeze(1)].long())
    assert torch.equal(offsets.diff().cpu(), found)


@pytest.mark.parametrize("size", SIZES)
def test_ranges_are_the_definition(both: Both, size: int) -> None:
    reference, kernel = both(ranges, drawn(100, size), drawn(4, size, seed=1))
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("below", [1, 7, 256, 257, 100_000])
@pytest.mark.parametrize("size", [*SIZES, 2100])
def test_sorts_are_stable(device: torch.device, size: int, below: int, dtype: torch.dtype) -> None:
    keys = drawn(below, 3, size).to(dtype)
    expected = keys.sort(dim=1, stable=True)
    found, places = sorted_places(keys.to(device), below)
    assert torch.equal(found.cpu(), expected.values)
    assert torch.equal(places.cpu(), expected.indices.int())
    assert torch.equal(sorted_keys(keys.to(device), below).cpu(), expected.values)


def test_keys_of_63_bits_are_sorted(device: torch.device) -> None:
    keys = drawn(2**63 - 1, 1, 500)
    assert torch.equal(sorted_keys(keys.to(device), 2**63 - 1).cpu(), keys.sort(dim=1).values)
