"""Cross-polytope hashing: the largest of a row's random projections, signs counted; Reformer's hash."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.cross_polytope_law import cross_polytope_collisions
from mongoose.hashing.law import AngularLaw
from mongoose.ops.cross_polytope import cross_polytope
from mongoose.ops.simhash import MAX_BITS


class CrossPolytope(HashFamily, AngularLaw):
    """Codes are argmax([xR; −xR]), R of 2**(K−1) Gaussian columns a table.

    Near rows collide more often and far ones more rarely than under a SimHash of as many bits, at 2**(K−1) products of
    length D a table where SimHash takes K. The law is exact, by quadrature.

    Args:
        dim: D. num_bits: K; Reformer's n_buckets is 2**K. num_tables: L, Reformer's n_hashes.
        generator: the source of the rotations.

    Source: Andoni et al. 2015; Reformer §2. As in Reformer's code a "rotation" is a Gaussian matrix, not an orthogonal
    one. Differs from it: rotations are drawn once, not at every call; one argmax however many buckets (there two, where
    their number is given as two factors).
    """

    rotations: Tensor

    def __init__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        if not 1 <= num_bits <= MAX_BITS:
            raise ValueError(f"num_bits={num_bits}; 1 … {MAX_BITS} are accepted, since a table has 2**K buckets.")
        columns = num_tables << (num_bits - 1)
        self.register_buffer("rotations", torch.randn(dim, columns, generator=generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return cross_polytope.direct(
            x, self.rotations, self.num_tables, None if centre is None else centre @ self.rotations
        )

    def at_angle(self, angle: Tensor) -> Tensor:
        return cross_polytope_collisions(angle, 1 << (self.num_bits - 1))
