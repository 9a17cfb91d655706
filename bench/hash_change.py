"""How fast hash codes change: a fixed random SimHash that watches the output rows, off the clock."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mongoose.hashing.simhash import SimHash
from mongoose.ops.simhash import bit_distance


@dataclass(frozen=True)
class Change:
    """Fractions of bits and of whole codes that differ between two moments."""

    bits: float
    codes: float


class HashWatch:
    """Codes of all rows under K = 9 bits and L = 10 random tables; the same tables in every run of a seed.

    K = 9 is SLIDE's (§4.1). The rows are hashed as they are: nothing is centred, nothing learned.
    """

    def __init__(self, dim: int, *, generator: Generator) -> None:
        self.family = SimHash(dim, num_bits=9, num_tables=10, generator=generator)

    @torch.no_grad()
    def codes(self, weight: Tensor) -> Tensor:
        """[N, 10] int32; keep it, to compare later."""
        return self.family.codes(weight.float()).int()

    def change(self, before: Tensor, after: Tensor) -> Change:
        """What differs between two results of `codes`."""
        bits = bit_distance(before, after).float().mean() / self.family.num_bits
        return Change(float(bits), float((before != after).float().mean()))
