"""Winner-take-all hashing: codes from the order of coordinates, not their size."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.ops.wta import wta

BIN_SIZE = 8  # as SLIDE's
BITS_PER_BIN = 3


class WTA(HashFamily):
    """Codes are the winners of bins of eight coordinates, three bits each.

    Args:
        dim: D, at least 8. num_bits: K, bits per table; three times the bins of a table. num_tables: L.
        generator: the source of the bins.

    Raises:
        ValueError: D < 8, or K is not a multiple of 3.

    Source: Yagnik et al. 2011; SLIDE's WtaHash.cpp, whose comparison and stored winner disagree.
    """

    bins: Tensor

    def __init__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.register_buffer("bins", draw_bins(dim, num_bits, num_tables, generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return wta(x, self.bins, self.num_tables, centre)


def draw_bins(dim: int, num_bits: int, num_tables: int, generator: Generator) -> Tensor:
    """[L*m, 8] int32 coordinates: as many random permutations of 0 … D-1 as it takes, each cut into bins.

    A permutation's last D mod 8 coordinates are left out. m = K / 3.
    """
    if num_bits < BITS_PER_BIN or num_bits % BITS_PER_BIN:
        raise ValueError(
            f"num_bits={num_bits}; a bin has {BITS_PER_BIN} bits, so a multiple of {BITS_PER_BIN} is needed."
        )
    if dim < BIN_SIZE:
        raise ValueError(f"dim={dim}; rows must fill a bin of {BIN_SIZE}. Use SimHash.")
    num_bins = num_bits // BITS_PER_BIN * num_tables
    whole = dim // BIN_SIZE * BIN_SIZE
    permutations = -(-num_bins * BIN_SIZE // whole)
    drawn = torch.stack([torch.randperm(dim, generator=generator)[:whole] for _ in range(permutations)])
    return drawn.view(-1, BIN_SIZE)[:num_bins].int()
