"""The best of each query's candidates on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, given_sets
from mongoose.ops.cuda.lists import joined
from mongoose.ops.rerank import best_of_each, rerank


@rerank.cuda
def _rerank(x: Tensor, weight: Tensor, bias: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    x = given("x", x, x.dtype, None, None)
    half = weight.dtype is torch.bfloat16
    weight = given("weight", weight, torch.bfloat16 if half else x.dtype, None, x.shape[1])
    bias, (ids, offsets) = bias.contiguous(), given_sets("candidates", ids, offsets, len(weight), len(x))
    scores = x.new_empty(len(ids))
    launch("score_candidates", x=x, weight=weight, bias=bias, ids=ids, offsets=offsets, scores=scores)
    return best_of_each.direct(scores, ids, offsets, keep)


@best_of_each.cuda
def _best_of_each(score: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Never takes a score that is not a number."""
    kept, found = ids.new_empty(len(offsets) - 1, keep), ids.new_empty(len(offsets) - 1)
    arrays = {"scores": score, "ids": ids, "offsets": offsets, "kept": kept, "found": found}
    launch("select_best", **arrays, kept_scores=None, first_id=0)
    return joined(kept, found)
