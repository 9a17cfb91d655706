"""The kernels that say which rows have changed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator

from cuda_kernels.launch import launch
from mongoose.ops.cuda.lists import counted
from mongoose.ops.simhash import changed_rows

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


@pytest.mark.parametrize("tables", [1, 5, 40])
@pytest.mark.parametrize("rows", SIZES)
def test_changed_rows_are_the_definition(both: Both, rows: int, tables: int) -> None:
    known = torch.randint(50, (rows, tables), generator=Generator().manual_seed(0)).int()
    changes = torch.rand(rows, tables, generator=Generator().manual_seed(1)) < 0.3 / tables
    reference, kernel = both(changed_rows, torch.where(changes, known + 1, known), known)
    assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("dim", [1, 37])
@pytest.mark.parametrize("rows", SIZES)
def test_rows_that_are_far_from_their_copies(device: torch.device, rows: int, dim: int, dtype: torch.dtype) -> None:
    generator = Generator().manual_seed(0)
    weight, held = torch.randint(-2, 3, (2, 1000, dim), generator=generator).to(dtype)
    ids = torch.randperm(1000, generator=generator)[:rows]
    squares = (weight[ids] - held[ids]).square().sum(1)
    radius = float(squares.sqrt().mean()) if rows else 1.0
    moved, far = weight.new_empty(rows, device=device), ids.new_empty(rows, device=device)
    arrays = {name: tensor.to(device) for name, tensor in (("weight", weight), ("held", held), ("ids", ids))}
    launch("compare_copies", **arrays, moved=moved, far=far, radius=radius)
    torch.testing.assert_close(moved.cpu(), squares.sqrt())
    assert torch.equal(counted(far).cpu(), (squares.sqrt() >= radius).nonzero().squeeze(1))
