"""Planes along the directions in which rows spread most: a baseline that looks at the rows and not at the queries."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import RowFittedHashFamily
from mongoose.hashing.simhash import draw_planes
from mongoose.ops.simhash import bits_per_table, simhash


class PCAHash(RowFittedHashFamily):
    """Codes are the signs of projections on the first principal directions of the rows, rotated anew for each table.

    The planes of a table are orthonormal. Until the first fit they are random.

    Args:
        dim: D. num_bits: K. num_tables: L. generator: the source of rotations, and of the rows that a fit looks at.
        rank: principal directions that a table's planes are turned in, K … D; None: 32, or K if there are more bits, or
            D if that is less.
        max_rows: rows that a fit looks at.

    Raises:
        ValueError: rank is not in K … D.

    Source: Gong & Lazebnik 2011, §2 (PCA with a random rotation).
    """

    planes: Tensor
    rotations: Tensor  # [L, rank, K], columns orthonormal; kept from fit to fit

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        rank: int | None = None,
        max_rows: int = 16_384,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        rank = min(dim, max(num_bits, 32)) if rank is None else rank
        if not num_bits <= rank <= dim:
            raise ValueError(f"rank={rank}; {num_bits} bits a table … {dim} dimensions are accepted.")
        self.max_rows, self.generator = max_rows, generator
        self.register_buffer("planes", draw_planes(dim, num_bits * num_tables, "gaussian", generator))
        bits_per_table(self.planes, num_tables)
        turned = torch.linalg.qr(torch.randn(num_tables, rank, num_bits, generator=generator)).Q
        self.register_buffer("rotations", turned)

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return simhash.direct(x, self.planes, self.num_tables, None if centre is None else centre @ self.planes)

    @torch.no_grad()
    def fit_rows(self, rows: Tensor, centre: Tensor | None = None) -> None:
        order = torch.randperm(len(rows), generator=self.generator, device=self.generator.device)
        seen = order[: self.max_rows].to(rows.device, non_blocking=True)
        spread = rows[seen] if centre is None else rows[seen] - centre
        directions = principal_directions(spread, self.rotations.shape[1])
        by_table = directions @ self.turn(spread @ directions)
        self.planes = by_table.permute(1, 0, 2).flatten(1)

    def turn(self, rows: Tensor) -> Tensor:
        """[L, rank, K]: each table's planes among the principal directions. rows: [m, rank], in those directions."""
        return self.rotations


def principal_directions(rows: Tensor, count: int) -> Tensor:
    """[D, count] orthonormal directions of the largest second moments of rows [m, D], the largest last."""
    directions: Tensor = torch.linalg.eigh(rows.t() @ rows).eigenvectors
    return directions[:, -count:]
