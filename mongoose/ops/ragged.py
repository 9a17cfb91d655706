"""Ranges of different lengths, laid end to end."""

import torch
from torch import Tensor

from mongoose.native.arguments import given
from mongoose.native.library import call
from mongoose.ops.backend import op


@op("ranges")
def ranges(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Concatenate start[i], start[i] + 1, …, start[i] + length[i] − 1 over i.

    Args:
        start, length: [n] int64, length ≥ 0.

    Returns:
        (which, position): for each element of the concatenation, the i it came from and its value; int64.
    """
    which = torch.repeat_interleave(length)
    within = torch.arange(which.numel(), device=length.device) - (length.cumsum(0) - length)[which]
    return which, start[which] + within


@ranges.fake
def _ranges_shape(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    total = torch.library.get_ctx().new_dynamic_size()
    return start.new_empty(total), start.new_empty(total)


@ranges.kernel
def _ranges_cpu(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    start, length = given("start", start, torch.int64, None), given("length", length, torch.int64, len(start))
    which = torch.empty(int(length.sum()), dtype=torch.int64)
    position = torch.empty_like(which)
    call("ranges", len(start), start, length, which, position)
    return which, position
