"""Pairs chosen by their score on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, given_ids
from mongoose.ops.cuda.lists import counted
from mongoose.ops.pairs import pairs_below


@pairs_below.cuda
def _pairs_below(x: Tensor, weight: Tensor, bias: Tensor | None, samples: Tensor, ids: Tensor, limit: Tensor) -> Tensor:
    pairs = {"samples": given_ids("samples", samples, len(x)), "ids": given_ids("ids", ids, len(weight), len(samples))}
    limit = given("limit", limit, x.dtype, len(x))
    chosen = torch.empty_like(pairs["ids"])
    rows = {"x": x.contiguous(), "weight": weight.contiguous(), "bias": None if bias is None else bias.contiguous()}
    launch("choose_pairs", **rows, **pairs, limit=limit, chosen=chosen)
    return counted(chosen)
