"""How far rows are from copies that were taken of them: the comparison of MONGOOSE's Algorithm 1."""

import torch
from torch import Tensor

from mongoose.ops.backend import op


@op("compare_copies")
def compare_copies(weight: Tensor, held: Tensor, ids: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """‖w_i − v_i‖ of some rows, and those of them for which it is not below a limit.

    Args:
        weight: [N, D], w. held: [N, D], v. ids: [n] int64. limit: [N], or [1] for all rows.

    Returns:
        [n] distances; [m] int64, the places in `ids` of the rows that are far, ascending. Far is also a row whose
        distance is not a number.
    """
    moved = (weight[ids] - held[ids]).norm(dim=1)
    return moved, (~(moved < limit.expand(len(held))[ids])).nonzero().squeeze(1)


@compare_copies.fake
def _some_rows(weight: Tensor, held: Tensor, ids: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    return weight.new_empty(len(ids)), ids.new_empty(torch.library.get_ctx().new_dynamic_size())
