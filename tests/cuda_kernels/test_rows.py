"""The kernels that say which rows have changed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator

from mongoose.ops.copies import compare_copies
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


@pytest.mark.parametrize("limits", ["one", "each"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("dim", [1, 37])
@pytest.mark.parametrize("rows", SIZES)
def test_rows_that_are_far_from_their_copies(both: Both, rows: int, dim: int, dtype: torch.dtype, limits: str) -> None:
    """Whole numbers, whose distances are exact up to the root, and often equal a limit; some are no numbers."""
    generator = Generator().manual_seed(0)
    weight, held = torch.randint(-2, 3, (2, 1000, dim), generator=generator).to(dtype)
    weight[::17, 0] = torch.nan
    ids = torch.randperm(1000, generator=generator)[:rows]
    every = (weight - held).norm(dim=1)
    limit = every.nanmedian().view(1) if limits == "one" else every.nan_to_num(1)[torch.arange(1000) // 2]
    reference, kernel = both(compare_copies, weight, held, ids, limit)
    torch.testing.assert_close(kernel[0], reference[0], equal_nan=True)
    assert torch.equal(kernel[1], reference[1])
