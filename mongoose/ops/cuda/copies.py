"""Rows compared with their copies on CUDA kernels."""

from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, given_ids
from mongoose.ops.copies import compare_copies
from mongoose.ops.cuda.lists import counted


@compare_copies.cuda
def _compare_copies(weight: Tensor, held: Tensor, ids: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    rows = {"weight": weight.contiguous(), "held": given("held", held, weight.dtype, *weight.shape)}
    ids = given_ids("ids", ids, len(weight))
    limit = given("limit", limit, weight.dtype, len(held) if len(limit) > 1 else 1)
    moved, far = weight.new_empty(len(ids)), ids.new_empty(len(ids))
    launch("compare_copies", **rows, ids=ids, limit=limit, moved=moved, far=far)
    return moved, counted(far)
