"""Steps of Adam: kernels against the definition."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.adam import row_adam

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


def arguments(
    touched: int, dim: int, dtype: torch.dtype, by_row: bool = False, own_steps: bool = False, dense: bool = False
) -> list[Any]:
    """Of a parameter of a few rows more than are touched, in the middle of training."""
    generator = Generator().manual_seed(touched)
    num_rows = touched if dense else touched + 5
    param, mean, gradient = (torch.randn(num_rows, dim, generator=generator, dtype=torch.float64) for _ in range(3))
    square = torch.rand(num_rows if by_row else (num_rows, dim), generator=generator, dtype=torch.float64)
    rows = None if dense else torch.randperm(num_rows, generator=generator)[:touched].sort().values
    steps = torch.randint(0, 1000, (num_rows,), generator=generator) if own_steps else torch.tensor([7])
    tensors: list[Tensor] = [t.to(dtype) for t in (param, mean, square, gradient[:touched])]
    return [*tensors, rows, steps]


@pytest.mark.parametrize("by_row", [False, True], ids=["element", "row"])
@pytest.mark.parametrize("own_steps", [False, True], ids=["step", "own"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("touched", SIZES)
def test_rows_move_as_defined_and_the_others_stay(
    both: Both, touched: int, dtype: torch.dtype, own_steps: bool, by_row: bool
) -> None:
    given = arguments(touched, 13, dtype, by_row, own_steps)
    reference, kernel = both(row_adam, *given, 0.1, 0.9, 0.999, 1e-8, 0.1)
    torch.testing.assert_close(kernel, reference)


@pytest.mark.parametrize("by_row", [False, True], ids=["element", "row"])
@pytest.mark.parametrize("dim", [1, 31, 32, 33, 127])
def test_rows_of_any_length(both: Both, dim: int, by_row: bool) -> None:
    reference, kernel = both(row_adam, *arguments(9, dim, torch.float64, by_row), 0.1, 0.9, 0.999, 1e-8, 0.0)
    torch.testing.assert_close(kernel, reference)


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize("own_steps", [False, True], ids=["step", "own"])
def test_all_rows_and_the_first_step(both: Both, own_steps: bool, beta: float) -> None:
    given = arguments(33, 5, torch.float64, own_steps=own_steps, dense=True)
    given[5].zero_()
    reference, kernel = both(row_adam, *given, 0.1, beta, beta, 1e-8, 0.0)
    torch.testing.assert_close(kernel, reference)
