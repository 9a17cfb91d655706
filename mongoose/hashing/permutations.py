"""Random permutations, many at once."""

import torch
from torch import Generator, Tensor


def draw_permutations(count: int, size: int, generator: Generator) -> Tensor:
    """[count, size] int64: independent random permutations of 0 … size-1, a row each."""
    return torch.rand(count, size, generator=generator, dtype=torch.float64).argsort(dim=1)
