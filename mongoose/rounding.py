"""Rounding to bfloat16 that is right on average."""

import torch
from torch import Generator, Tensor

DROPPED = 16  # bits of a float32 that a bfloat16 lacks


def round_stochastically(x: Tensor, generator: Generator) -> Tensor:
    """The bfloat16 below or above each float32, each with the probability that makes their mean x.

    Rounding to the nearest loses every change of less than half a unit in the last place, 0.2 to 0.4 % of a number:
    what decays by 0.1 % a step, as Adam's second moment does, would never fall.

    Source: Gupta et al. 2015; ELMO (Zhang et al. 2025) for the output layers of extreme classification.
    """
    toss = torch.empty_like(x, dtype=torch.int32, device=generator.device).random_(2**DROPPED, generator=generator)
    toss = toss.to(x.device, non_blocking=True)
    carried = toss.add_(x.contiguous().view(torch.int32))  # into the bits that are kept, as often as is due
    return (carried >> DROPPED << DROPPED).view(torch.float32).bfloat16()
