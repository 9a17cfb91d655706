"""Rows against the copies that a policy keeps of them."""

import torch
from torch import Tensor

from mongoose.ops.copies import compare_copies
from mongoose.scheduling.base import RowSource


def compare(rows: RowSource, held: Tensor, ids: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """How far the rows `ids` are from their copies, and which are not nearer than a limit; no others are made.

    Args:
        held: [N, D], the copies. ids: [n] int64. limit: [N], or [1] for all rows.

    Returns:
        [n] distances; [m] int64, the ids of the far rows, in their order.
    """
    if isinstance(rows, Tensor):
        moved, far = compare_copies.direct(rows, held, ids, limit)
    else:  # rows that are made when they are asked for
        made, places = rows[ids], torch.arange(len(ids), device=ids.device)
        moved, far = compare_copies.direct(made, held[ids], places, limit if len(limit) == 1 else limit[ids])
    return moved, ids[far]
