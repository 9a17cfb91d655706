"""The kernels for sets of ids against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.launch import launch
from mongoose.ops.backend import using
from mongoose.ops.sets import contains, distinct, group

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


def drawn(below: int, size: int, seed: int = 0) -> Tensor:
    return torch.randint(below, (size,), generator=Generator().manual_seed(seed))


def fits(device: torch.device, ids: Tensor, offsets: Tensor | None, below: int) -> bool:
    """What `check_sets` leaves of a 1."""
    found = torch.ones(1, dtype=torch.int32, device=device)
    there = {"ids": ids.to(device), "offsets": None if offsets is None else offsets.to(device)}
    launch("check_sets", **there, fits=found, S=0 if offsets is None else len(offsets), below=below)
    return bool(found.item())


@pytest.mark.parametrize("size", SIZES)
def test_ids_in_bounds_fit(device: torch.device, size: int) -> None:
    ids = drawn(50, size)
    assert fits(device, ids, None, 50)
    for place in {0, size // 2, size - 1} if size else ():
        for beyond in (-1, 50, 2**62):
            assert not fits(device, ids.index_fill(0, torch.tensor([place]), beyond), None, 50)


@pytest.mark.parametrize("size", SIZES)
def test_offsets_that_rise_from_0_to_the_ids_fit(device: torch.device, size: int) -> None:
    ids, offsets = torch.zeros(size, dtype=torch.int64), drawn(size + 1, 40).sort().values
    offsets[0], offsets[-1] = 0, size
    assert fits(device, ids, offsets, 1)
    assert fits(device, ids, torch.tensor([0, size]), 1)
    assert fits(device, ids, torch.tensor([size]), 1) == (size == 0)
    for place, wrong in ((0, 1), (0, -1), (20, -1), (20, size + 1), (39, size + 1), (39, size - 1)):
        assert not fits(device, ids, offsets.index_fill(0, torch.tensor([place]), wrong), 1)


@pytest.mark.parametrize(("samples", "items"), [(1, 1), (7, 40), (300, 70_000)])
@pytest.mark.parametrize("size", SIZES)
def test_group_is_the_definition(both: Both, size: int, samples: int, items: int) -> None:
    reference, kernel = both(group, drawn(samples, size), drawn(items, size, 1), samples)
    assert all(map(torch.equal, reference, kernel))


def test_group_leaves_samples_without_ids_empty(both: Both) -> None:
    reference, kernel = both(group, torch.tensor([3, 3, 1]), torch.tensor([0, 5, 5]), 6)
    assert all(map(torch.equal, reference, kernel))


def test_group_refuses_pairs_that_do_not_fit(device: torch.device) -> None:
    with pytest.raises(ValueError, match="pairs below"):
        group(torch.zeros(1, dtype=torch.int64, device=device), torch.tensor([2**62], device=device), 4)


@pytest.mark.parametrize("items", [1, 31, 32, 33, 5000])
@pytest.mark.parametrize("size", SIZES)
def test_distinct_is_the_definition(both: Both, size: int, items: int) -> None:
    reference, kernel = both(distinct, drawn(items, size), items)
    assert all(map(torch.equal, reference, kernel))


@pytest.mark.parametrize("size", SIZES)
def test_contains_is_the_definition(both: Both, size: int) -> None:
    with using("reference"):
        sets = group(drawn(9, 200), drawn(50, 200, 1), 10)  # sample 9 has none
    reference, kernel = both(contains, *sets, drawn(10, size, 2), drawn(60, size, 3))
    assert torch.equal(reference, kernel)
