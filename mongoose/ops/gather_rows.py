"""Rows of a parameter, with a row-sparse gradient."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class _GatherRows(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape = weight.shape
        return weight[ids]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        gradient = torch.sparse_coo_tensor(
            ids.unsqueeze(0), gradients[0], ctx.shape, is_coalesced=True, check_invariants=False
        )
        return gradient, None


def gather_rows(weight: Tensor, ids: Tensor) -> Tensor:
    """`weight[ids]`, whose gradient is a sparse tensor that holds only those rows.

    Args:
        weight: [N, …]. ids: [U] int64, ascending and without repeats (checked nowhere: the caller sorts).
    """
    gathered: Tensor = _GatherRows.apply(weight, ids)  # type: ignore[no-untyped-call]
    return gathered
