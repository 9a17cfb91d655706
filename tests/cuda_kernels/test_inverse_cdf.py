"""Draws by inverted cumulative sums: the kernel against the definition."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator

from mongoose.ops.inverse_cdf import inverse_cdf

Both = Callable[..., tuple[Any, Any]]


@pytest.mark.parametrize("items", [1, 2, 33, 1000])
@pytest.mark.parametrize("draws", [0, 1, 31, 32, 33, 127, 1000])
def test_draws_are_those_of_the_definition(both: Both, draws: int, items: int) -> None:
    generator = Generator().manual_seed(draws)
    weights = torch.randint(0, 3, (items,), generator=generator).double()  # many of them 0, and draws at their bounds
    weights[-1] += 1
    cumulative = weights.cumsum(0)
    shares = torch.randint(0, int(cumulative[-1]), (draws,), generator=generator) / cumulative[-1]
    reference, kernel = both(inverse_cdf, shares, cumulative)
    assert torch.equal(reference, kernel)
    reference, kernel = both(inverse_cdf, torch.rand(draws, generator=generator, dtype=torch.float64), cumulative)
    assert torch.equal(reference, kernel)
