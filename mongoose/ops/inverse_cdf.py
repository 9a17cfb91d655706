"""Draws from a discrete distribution by inverting its cumulative sums."""

import torch
from torch import Tensor

from mongoose.native.arguments import given
from mongoose.native.library import call
from mongoose.ops.backend import op


@op("inverse_cdf")
def inverse_cdf(uniform: Tensor, cumulative: Tensor) -> Tensor:
    """The first item whose cumulative weight exceeds the share `uniform` of the whole.

    Args:
        uniform: [n] float64 in [0, 1). cumulative: [N] float64, sums of weights ≥ 0, the last one > 0.

    Returns:
        [n] int64 in [0, N).
    """
    found = torch.searchsorted(cumulative, uniform * cumulative[-1], right=True)
    return found.clamp_max_(len(cumulative) - 1)


@inverse_cdf.fake
def _items(uniform: Tensor, cumulative: Tensor) -> Tensor:
    return torch.empty_like(uniform, dtype=torch.int64)


@inverse_cdf.kernel
def _inverse_cdf_cpu(uniform: Tensor, cumulative: Tensor) -> Tensor:
    found = torch.empty_like(uniform, dtype=torch.int64)
    uniform, cumulative = (given("weights", t, torch.float64, None) for t in (uniform, cumulative))
    call("inverse_cdf", len(uniform), len(cumulative), uniform, cumulative, found)
    return found
