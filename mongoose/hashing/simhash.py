"""SimHash: signs of random projections."""

import math
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import AngularLaw
from mongoose.hashing.permutations import draw_permutations
from mongoose.ops.simhash import bits_per_table, simhash
from mongoose.ops.sparse_simhash import entries_of, sparse_simhash

Planes = Literal["gaussian", "signs", "sparse"]

SPARSITY = 3  # one coordinate in three, SLIDE's `Ratio`


class SimHash(HashFamily, AngularLaw):
    """Codes are the signs of projections on random planes.

    Args:
        dim: D. num_bits: K. num_tables: L.
        planes: "gaussian"; "signs", entries ±1, as MONGOOSE releases it; or "sparse", as SLIDE's srp.cpp: ±1 at ⌈D/3⌉
            coordinates drawn without repeats, 0 elsewhere.
        generator: the source of the planes.

    The law is exact for Gaussian planes and holds nearly for the others. What a bit's chance to agree is off by: for
    rows of random direction about 1.5/D², root mean square, and less than 6/D² in our tests (at D = 32); for rows that
    all but vanish outside a few coordinates up to 0.43 (every plane counted, D = 8, 12 and 15).

    Sparse planes are kept as lists too. CUDA's kernel adds and subtracts D/3 coordinates a plane, as SLIDE does, and so
    does the definition; CPUs project on the planes with their zeros like on any others, by a dense product.

    Source: Charikar 2002; SLIDE §3.2, which names +1, 0 and −1 and d/3 indices a plane; Li et al. 2006.
    """

    planes: Tensor
    entries: Tensor | None  # of sparse planes, see `entries_of`

    def __init__(
        self, dim: int, *, num_bits: int, num_tables: int, generator: Generator, planes: Planes = "gaussian"
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.register_buffer("planes", draw_planes(dim, num_bits * num_tables, planes, generator))
        self.register_buffer("entries", entries_of(self.planes) if planes == "sparse" else None)
        bits_per_table(self.planes, num_tables)

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        offset = None if centre is None else centre @ self.planes
        if self.entries is not None:
            return sparse_simhash.direct(x, self.planes, self.entries, self.num_tables, offset)
        return simhash.direct(x, self.planes, self.num_tables, offset)

    def at_angle(self, angle: Tensor) -> Tensor:
        return all_bits_agree(angle, self.num_bits)


def all_bits_agree(angle: Tensor, num_bits: int) -> Tensor:
    """(1 − θ/π)^K for each angle, [N] → [N] float64.

    Source: Charikar 2002.
    """
    return (1 - angle.double() / math.pi) ** num_bits


def draw_planes(dim: int, num_planes: int, kind: Planes, generator: Generator) -> Tensor:
    """[dim, num_planes] plane normals."""
    if kind == "gaussian":
        return torch.randn(dim, num_planes, generator=generator)
    if kind not in get_args(Planes):
        raise ValueError(f"planes={kind!r}; accepted: {', '.join(map(repr, get_args(Planes)))}.")
    signs = torch.randint(0, 2, (dim, num_planes), generator=generator).float() * 2 - 1
    if kind == "signs":
        return signs
    chosen = draw_permutations(num_planes, dim, generator)[:, : -(-dim // SPARSITY)]
    return signs * torch.zeros(num_planes, dim).scatter_(1, chosen, 1).t()
