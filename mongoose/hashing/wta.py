"""Winner-take-all hashing: codes from the order of coordinates, not their size."""

from typing import Final

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import CollisionLaw
from mongoose.hashing.permutations import draw_permutations
from mongoose.ops.wta import wta

BIN_SIZE = 8  # as SLIDE's
BITS_PER_BIN: Final = 3


class WTA(HashFamily, CollisionLaw):
    """Codes are the winners of bins of eight coordinates, three bits each.

    Args:
        dim: D, at least 8. num_bits: K, bits per table; three times the bins of a table. num_tables: L.
        generator: the source of the bins.

    Raises:
        ValueError: D < 8, or K is not a multiple of 3.

    The law is exact for one bin a code. Bins cut from one permutation have no coordinate in common, so that for more it
    holds nearly: for two, within 0.06 at D = 24 and 0.015 at D = 64.

    Source: Yagnik et al. 2011; SLIDE's WtaHash.cpp, whose comparison and stored winner disagree.
    """

    bins: Tensor

    def __init__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.register_buffer("bins", draw_bins(dim, num_bits, num_tables, generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return wta(x, self.bins, self.num_tables, centre)

    def collision_probability(self, a: Tensor, b: Tensor) -> Tensor:
        """As every family's, for rows in which no two coordinates are equal."""
        return one_winner(a, b) ** (self.num_bits // BITS_PER_BIN)


def one_winner(a: Tensor, b: Tensor) -> Tensor:
    """Probability that a random bin has one winner under both rows of a pair: [N, D], [N, D] → [N] float64.

    All bins of S coordinates are equally likely. i wins for both rows where the S−1 others are among the r_i that are
    smaller than i in both: in C(r_i, S−1) of C(D, S) bins, and one i does at most, so these are added up.

    Source: Yagnik et al. 2011.
    """
    smaller = (a.unsqueeze(2) > a.unsqueeze(1)) & (b.unsqueeze(2) > b.unsqueeze(1))
    dim = torch.full((1,), a.shape[1], dtype=torch.float64, device=a.device)
    return choose(smaller.sum(2).double(), BIN_SIZE - 1).sum(1) / choose(dim, BIN_SIZE)


def choose(n: Tensor, k: int) -> Tensor:
    """C(n, k), elementwise, of whole n ≥ 0."""
    return torch.stack([(n - i) / (i + 1) for i in range(k)]).prod(0)


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
    drawn = draw_permutations(permutations, dim, generator)[:, :whole]
    return drawn.reshape(-1, BIN_SIZE)[:num_bins].int()
