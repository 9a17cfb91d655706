"""SimHash: signs of random projections."""

import math
from typing import Literal

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.ops.simhash import bits_per_table, simhash

Planes = Literal["gaussian", "signs"]


class SimHash(HashFamily):
    """Codes are the signs of projections on random planes.

    Args:
        dim: D. num_bits: K. num_tables: L.
        planes: "gaussian" (the law holds exactly) or "signs" (entries ±1, as MONGOOSE releases it; nearly).
        generator: the source of the planes.

    Source: Charikar 2002; SLIDE §3.2.
    """

    planes: Tensor

    def __init__(
        self, dim: int, *, num_bits: int, num_tables: int, generator: Generator, planes: Planes = "gaussian"
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.register_buffer("planes", draw_planes(dim, num_bits * num_tables, planes, generator))
        bits_per_table(self.planes, num_tables)

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return simhash.direct(x, self.planes, self.num_tables, None if centre is None else centre @ self.planes)

    def collision_probability(self, cosine: float) -> float:
        """Probability that two rows at this cosine share a code in one table: (1 − θ/π)^K, θ the angle.

        Source: Charikar 2002. Exact for Gaussian planes.
        """
        return simhash_collision_probability(cosine, self.num_bits)


def simhash_collision_probability(cosine: float, num_bits: int) -> float:
    """(1 − θ/π)^K, θ the angle of this cosine."""
    return (1 - math.acos(max(-1.0, min(1.0, cosine))) / math.pi) ** num_bits


def draw_planes(dim: int, num_planes: int, kind: Planes, generator: Generator) -> Tensor:
    """[dim, num_planes] plane normals."""
    if kind == "gaussian":
        return torch.randn(dim, num_planes, generator=generator)
    if kind == "signs":
        return torch.randint(0, 2, (dim, num_planes), generator=generator).float() * 2 - 1
    raise ValueError(f"planes={kind!r}; accepted: 'gaussian', 'signs'.")
