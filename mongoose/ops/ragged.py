"""Ranges of different lengths, laid end to end."""

import torch
from torch import Tensor


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
