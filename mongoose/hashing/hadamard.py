"""SimHash with fast projections: signs of the entries of H·S₂·H·S₁·x."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import AngularLaw
from mongoose.hashing.simhash import all_bits_agree
from mongoose.ops.hadamard import MIN_SIZE, hadamard_projections, hadamard_simhash


class HadamardSimHash(HashFamily, AngularLaw):
    """SimHash whose planes are rows of Hadamard transforms with random signs: cheap to project on, nearly as random.

    Args:
        dim: D. num_bits: K. num_tables: L. generator: the source of the signs.

    The law holds nearly: the planes of a block of P, the power of two from D on, are at right angles, so a table's bits
    are not quite independent and rows collide more rarely. For planes that are random but for that, by up to 0.3/P over
    all angles and K = 2 … 12; for these, by less than 0.4/P in our tests (at D = 128, K = 4). Of a small probability
    that is much: a quarter of it at D = 24, K = 12 and 63°. A row with few coordinates that are not 0 sees few distinct
    planes.

    Source: Ailon & Chazelle 2009; Andoni et al. 2015 (three rounds, for cross-polytopes; two seemed enough for signs).
    """

    signs: Tensor
    planes: Tensor  # [D, L*K], what the transform projects on; one row, the centre, is cheaper projected on them

    def __init__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        size = max(MIN_SIZE, 1 << (dim - 1).bit_length())
        blocks = -(-num_bits * num_tables // size)
        self.register_buffer("signs", torch.randint(0, 2, (blocks, 2, size), generator=generator).float() * 2 - 1)
        planes = hadamard_projections(torch.eye(dim), self.signs)[:, : num_bits * num_tables]
        self.register_buffer("planes", planes)

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        offset = None if centre is None else centre.to(x.dtype) @ self.planes.to(x.dtype)
        return hadamard_simhash.direct(x, self.signs, self.num_bits, self.num_tables, offset)

    def at_angle(self, angle: Tensor) -> Tensor:
        return all_bits_agree(angle, self.num_bits)
