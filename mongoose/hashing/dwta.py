"""Densified winner-take-all hashing, SLIDE's family for Amazon-670K."""

from typing import Literal

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import CollisionLaw
from mongoose.hashing.wta import BIN_SIZE, BITS_PER_BIN, draw_bins, one_winner
from mongoose.ops.wta import dwta, dwta_csr, probe_modulus


class DWTA(HashFamily, CollisionLaw):
    """WTA over the coordinates that are not 0; a bin without any borrows the winner of another.

    Args:
        dim, num_bits, num_tables, generator: as WTA's.
        bits_per_bin: 3; or 2, as SLIDE releases it: a table's K/3 winners, 0 … 7, are shifted by two bits each, overlap
            and are added up. Only `reachable_codes` of the 2**K buckets can then be used: with six bins, as SLIDE is
            released for Amazon-670K, 9,556 of 262,144.

    Source: Chen & Shrivastava 2018; SLIDE §3.2 and, for two bits, `hashesToIndex` of its LSH.cpp, whose
    floor(log(8)) takes the natural logarithm. Differs from SLIDE's release: see `mongoose.ops.wta.dwta`.
    """

    bins: Tensor
    probes: Tensor

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        bits_per_bin: Literal[2, 3] = BITS_PER_BIN,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        if bits_per_bin not in (2, BITS_PER_BIN):
            raise ValueError(f"bits_per_bin={bits_per_bin}; accepted: 3, and 2 as SLIDE releases it.")
        self.bits_per_bin = bits_per_bin
        self.register_buffer("bins", draw_bins(dim, num_bits, num_tables, generator))
        self.register_buffer("probes", draw_probes(len(self.bins), generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        """As every family's. With a centre, a coordinate is absent where it equals the centre's."""
        return dwta(x, self.bins, self.probes, self.num_tables, centre, self.bits_per_bin)

    def sparse_codes(self, indices: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
        """Codes of sparse rows, equal to those of the same rows made dense; arguments as `dwta_csr`'s."""
        bins = (self.bins, self.probes, self.num_tables, self.bits_per_bin)
        return dwta_csr(indices, values, offsets, self.dim, *bins)

    @property
    def reachable_codes(self) -> int:
        """How many of the 2**K codes a row can have: the sums from all winners 0 to all winners 7."""
        return (BIN_SIZE - 1) * sum(1 << self.bits_per_bin * j for j in range(self.num_bits // BITS_PER_BIN)) + 1

    def collision_probability(self, a: Tensor, b: Tensor) -> Tensor:
        """As WTA's, for rows in which no coordinate is 0; with two bits a bin, of equal sums of winners."""
        return equal_codes(one_winner(a, b), self.num_bits // BITS_PER_BIN, self.bits_per_bin)


def equal_codes(agree: Tensor, num_bins: int, bits_per_bin: int) -> Tensor:
    """Probability that two codes are equal where each of their bins agrees with probability `agree`, [N] float64.

    Winners that differ are any two of the eight, so that a difference of d has (8 − |d|) of 56 chances. Codes are equal
    where differences, shifted, sum to 0: from the first bin on, what is carried to the next is a whole number.
    """
    base = 1 << bits_per_bin
    carried = {0: torch.ones_like(agree)}
    for _ in range(num_bins):
        onward: dict[int, Tensor] = {}
        for carry, chance in carried.items():
            for d in range(1 - BIN_SIZE, BIN_SIZE):
                if (carry + d) % base == 0:
                    step = agree if d == 0 else (1 - agree) * (BIN_SIZE - abs(d)) / (BIN_SIZE * (BIN_SIZE - 1))
                    to = (carry + d) // base
                    onward[to] = onward.get(to, torch.zeros_like(agree)) + chance * step
        carried = onward
    return carried[0]


def draw_probes(num_bins: int, generator: Generator) -> Tensor:
    """[num_bins, 2] int32: where an empty bin starts to look for another's winner, and its odd step."""
    size = probe_modulus(num_bins)
    start, step = torch.randint(0, size, (2, num_bins), generator=generator)
    return torch.stack([start, step | 1], dim=1).int()
