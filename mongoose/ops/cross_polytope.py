"""Cross-polytope codes: the corner ±e_j of a cross-polytope that a randomly rotated row is nearest to.

Sources: Terasawa & Tanaka 2007; Andoni et al. 2015; Reformer (Kitaev et al. 2020) §2, whose h(x) = argmax([xR; −xR]).
"""

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional
from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.simhash import MAX_BITS

BLOCK = 1 << 22  # projections held at once


@op("cross_polytope")
def cross_polytope(x: Tensor, rotations: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    """Hash every row of `x` by its largest projection, signs counted.

    Args:
        x: [N, D] float rows; of bfloat16 ones the kernel sums the products in float32.
        rotations: [D, L*P]: table l owns the P = 2**(K-1) directions in columns l*P … l*P+P-1.
        num_tables: L.
        offset: [L*P] what is subtracted from a projection, or None for 0. `c @ rotations` hashes x − c without forming
            it.

    Returns:
        [N, L] int32 codes in [0, 2**K): the place of the largest entry of [p; −p], the first of equals, p being the
        row's P projections in that table.

    Raises:
        ValueError: L does not divide the number of directions, or a table's are not 2**(K-1) with K in 1 … 24.
    """
    size = directions_per_table(rotations, num_tables)
    blocks = x.split(max(1, BLOCK // rotations.shape[1]))
    return torch.cat([_corners(rows @ rotations - (0 if offset is None else offset), size) for rows in blocks])


def _corners(projected: Tensor, size: int) -> Tensor:
    """[n, L*P] → [n, L]."""
    projected = projected.view(len(projected), projected.shape[1] // size, size)
    return torch.cat([projected, -projected], dim=2).argmax(dim=2).int()


@cross_polytope.fake
def _shape(x: Tensor, rotations: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@cross_polytope.kernel
def _cross_polytope_cpu(x: Tensor, rotations: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    size = directions_per_table(rotations, num_tables)
    x = x.float() if x.dtype is torch.bfloat16 else x
    x = given("x", x, x.dtype, None, len(rotations))
    directions = rotations.to(x.dtype).t().contiguous()
    offset = None if offset is None else optional("offset", offset.to(x.dtype), x.dtype, len(directions))
    codes = torch.empty(len(x), num_tables, dtype=torch.int32)
    kernel = instance("cross_polytope", x.dtype)
    call(kernel, *x.shape, num_tables, size, x, directions, offset, codes)
    return codes


def directions_per_table(rotations: Tensor, num_tables: int) -> int:
    """P, the number of directions that each of the `num_tables` tables owns."""
    num_directions = rotations.shape[1]
    size = num_directions // num_tables if num_tables > 0 else 0
    if not size or size * num_tables != num_directions or size & (size - 1) or 2 * size > 1 << MAX_BITS:
        raise ValueError(
            f"{num_directions} directions for num_tables={num_tables}; a table needs 2**(K-1), K in 1 … {MAX_BITS}."
        )
    return size
