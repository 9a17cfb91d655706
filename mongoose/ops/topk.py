"""The classes of the largest scores, exactly."""

import torch
from torch import Tensor

from mongoose.native.library import call, instance
from mongoose.ops.backend import op

BLOCK = 8192  # rows whose scores are held at once


@op("topk_rows")
def topk_rows(x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
    """The k rows with the largest scores x·w + b (numbers), best first; exact.

    Args:
        x: [B, D]. weight: [N, D]. bias: [N]. k: 1 … N.

    Returns:
        [B, k] int64. The kernel never holds more than 8,192 scores a query; of equal scores it takes the lower id.

    Raises:
        ValueError: k is not in 1 … N.
    """
    check_k(weight, k)
    return torch.addmm(bias, x, weight.t()).topk(k, dim=1).indices


@topk_rows.fake
def _topk_shape(x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
    return x.new_empty(len(x), k, dtype=torch.int64)


@topk_rows.kernel
def _topk_rows_cpu(x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
    check_k(weight, k)
    best = x.new_full((len(x), k), -torch.inf)
    ids = torch.zeros(len(x), k, dtype=torch.int64)
    scores = x.new_empty(len(x) * min(BLOCK, len(weight)))
    first = 0
    for rows, shift in zip(weight.split(BLOCK), bias.split(BLOCK), strict=True):
        block = scores[: len(x) * len(rows)].view(len(x), len(rows))
        torch.addmm(shift, x, rows.t(), out=block)
        call(instance("merge_topk", x.dtype), len(x), len(rows), k, first, block, best, ids)
        first += len(rows)
    return ids


def check_k(weight: Tensor, k: int) -> None:
    if not 1 <= k <= len(weight):
        raise ValueError(f"k={k} of {len(weight)} rows; accepted: 1 … {len(weight)}.")
