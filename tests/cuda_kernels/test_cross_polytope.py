"""The cross-polytope kernel against its definition."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.cross_polytope import cross_polytope

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 300]
DTYPES = [torch.float32, torch.float64]


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Small whole numbers, so that projections are exact and often tie."""
    return torch.randint(-2, 3, shape, generator=Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("centred", [False, True], ids=["", "offset"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("tables", "size"), [(1, 1), (5, 2), (2, 64)])
@pytest.mark.parametrize("rows", SIZES)
def test_codes_are_the_definition(
    both: Both, rows: int, tables: int, size: int, dtype: torch.dtype, centred: bool
) -> None:
    columns = tables * size
    x, directions = whole(rows, 6, dtype=dtype), whole(6, columns, dtype=dtype, seed=1)
    offset = whole(columns, dtype=dtype, seed=2) if centred else None
    reference, kernel = both(cross_polytope, x, directions, tables, offset)
    assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dim", [0, 1, 33, 64])
def test_rows_of_any_width(both: Both, dim: int) -> None:
    reference, kernel = both(cross_polytope, whole(9, dim), whole(dim, 12, seed=1), 3)
    assert torch.equal(reference, kernel)


def test_more_directions_than_a_block_takes_at_a_time(both: Both) -> None:
    reference, kernel = both(cross_polytope, whole(9, 37), whole(37, 512, seed=1), 2)
    assert torch.equal(reference, kernel)


def test_rows_in_bfloat16_are_summed_in_float32(both: Both) -> None:
    """257, the sum, is no number of bfloat16: rounded there it would tie with 256."""
    x, directions = torch.ones(1, 2).bfloat16(), torch.tensor([[256.0, 256.0], [0.0, 1.0]]).bfloat16()
    assert both(cross_polytope, x, directions, 1)[1].tolist() == [[1]]


def test_what_is_not_a_number_gets_some_code(device: torch.device) -> None:
    x, directions = torch.full((3, 2), torch.nan, device=device), whole(2, 8).to(device)
    codes = cross_polytope(x, directions, 2)
    assert 0 <= int(codes.min()) <= int(codes.max()) < 8


def test_shapes_that_do_not_fit_are_refused(device: torch.device) -> None:
    with pytest.raises(ValueError, match="6 directions for num_tables=2"):
        cross_polytope(whole(2, 3).to(device), whole(3, 6).to(device), 2)
