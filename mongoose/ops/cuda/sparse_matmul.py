"""Products with named rows on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given_sets
from mongoose.ops.sparse_matmul import embedding_bag, sampled_matmul, scatter_rows


@embedding_bag.cuda
def _embedding_bag(weight: Tensor, ids: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    ids, offsets = given_sets("bags", ids, offsets, len(weight))
    sums = weight.new_empty(len(offsets) - 1, weight.shape[1])
    weight, values = weight.contiguous(), values.contiguous()
    launch("embedding_bag", weight=weight, ids=ids, values=values, offsets=offsets, sums=sums)
    return sums


@sampled_matmul.cuda
def _sampled_matmul(x: Tensor, weight: Tensor, ids: Tensor, offsets: Tensor, bias: Tensor | None = None) -> Tensor:
    ids, offsets = given_sets("pairs", ids, offsets, len(weight), len(x))
    products = x.new_empty(ids.shape)
    x, weight = x.contiguous(), weight.contiguous()
    bias = None if bias is None else bias.contiguous()
    launch("sampled_matmul", x=x, weight=weight, ids=ids, offsets=offsets, bias=bias, products=products)
    return products


@scatter_rows.cuda
def _scatter_rows(x: Tensor, ids: Tensor, values: Tensor, offsets: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    """Entries are sorted by the row that they name; a row's stand as they were, so that sums have one order."""
    ids, offsets = given_sets("entries", ids, offsets, num_rows, len(x))
    named, order = ids.sort(stable=True)
    rows, counts = torch.unique_consecutive(named, return_counts=True)
    sums, ends = x.new_empty(len(rows), x.shape[1]), counts.cumsum(0)
    x, values = x.contiguous(), values.contiguous()
    launch("scatter_segments", x=x, values=values, offsets=offsets, ends=ends, order=order, sums=sums)
    return rows, sums
