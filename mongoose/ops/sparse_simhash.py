"""SimHash on planes that are ±1 at some coordinates and 0 elsewhere, kept as lists.

Source: SLIDE §3.2 and its srp.cpp; Li, Hastie & Church 2006.
"""

import torch
from torch import Tensor

from mongoose.ops.backend import op
from mongoose.ops.simhash import bits_per_table, pack_bits, simhash


@op("sparse_simhash")
def sparse_simhash(x: Tensor, planes: Tensor, entries: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    """`simhash` on sparse planes, whose projections take S additions and subtractions each and no product.

    Args:
        x: [N, D] float rows.
        planes: [D, L*K] with their zeros. CPUs multiply by these: a dense product is faster there.
        entries: [S, L*K] int32, the same planes as lists, as `entries_of` makes them; CUDA's kernel goes by these.
        num_tables, offset: as in `simhash`.

    Returns:
        [N, L] int32 codes, as `simhash`'s.
    """
    bits_per_table(entries, num_tables)
    projected = x.new_zeros(len(x), entries.shape[1])
    for entry in entries.long():
        added = x[:, torch.where(entry < 0, ~entry, entry)]
        projected += torch.where(entry < 0, -added, added)
    return pack_bits(projected > (0 if offset is None else offset), num_tables)


@sparse_simhash.fake
def _shape(x: Tensor, planes: Tensor, entries: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@sparse_simhash.kernel
def _by_dense_products(
    x: Tensor, planes: Tensor, entries: Tensor, num_tables: int, offset: Tensor | None = None
) -> Tensor:
    return simhash.direct(x, planes, num_tables, offset)


def entries_of(planes: Tensor) -> Tensor:
    """Planes [D, P] of entries ±1 and 0 → [S, P] int32: d for +1 at coordinate d, −1 − d for −1; coordinates ascend.

    Raises:
        ValueError: planes differ in how many entries are not 0.
    """
    counts = planes.count_nonzero(0)
    if bool((counts != counts[:1]).any()):
        raise ValueError(f"{int(counts.min())} … {int(counts.max())} entries a plane; all must have as many.")
    plane, coordinate = planes.t().nonzero(as_tuple=True)
    signed = torch.where(planes[coordinate, plane] > 0, coordinate, ~coordinate)
    return signed.view(planes.shape[1], -1).t().int().contiguous()
