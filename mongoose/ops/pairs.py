"""Pairs of a query and a row, chosen by their score: what mining of triplets asks for."""

import torch
from torch import Tensor

from mongoose.ops.backend import op


@op("pairs_below")
def pairs_below(x: Tensor, weight: Tensor, bias: Tensor | None, samples: Tensor, ids: Tensor, limit: Tensor) -> Tensor:
    """The pairs whose score x·w + b is below the limit of their sample.

    Args:
        x: [B, D]. weight: [N, D]. bias: [N], or None for 0. samples, ids: [n] int64, a query and a row each.
        limit: [B].

    Returns:
        [m] int64, the places of the chosen pairs in the list, ascending.
    """
    scores = (x[samples] * weight[ids]).sum(1)
    scores = scores if bias is None else scores + bias[ids]
    return (scores < limit[samples]).nonzero().squeeze(1)


@pairs_below.fake
def _some_pairs(x: Tensor, weight: Tensor, bias: Tensor | None, samples: Tensor, ids: Tensor, limit: Tensor) -> Tensor:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size())
