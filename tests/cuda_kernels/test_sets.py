"""The kernels for sets of ids against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.backend import using
from mongoose.ops.sets import contains, distinct, group

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


def drawn(below: int, size: int, seed: int = 0) -> Tensor:
    return torch.randint(below, (size,), generator=Generator().manual_seed(seed))


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
