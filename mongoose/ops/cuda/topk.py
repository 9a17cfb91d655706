"""The largest scores of a stream of blocks, on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.topk import BLOCK, check_k, topk_rows


@topk_rows.cuda
def _topk_rows(x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
    """The best of every block of rows by their products, of those the best, and these in order."""
    check_k(weight, k)
    ids, scores = [], []
    for number, (rows, shift) in enumerate(zip(weight.split(BLOCK), bias.split(BLOCK), strict=True)):
        block = torch.addmm(shift, x, rows.t())
        best = _best(block, None, min(k, len(rows)), number * BLOCK)
        ids.append(best[0])
        scores.append(best[1])
    kept, kept_scores = _best(torch.cat(scores, dim=1), torch.cat(ids, dim=1), k, 0)
    ordered = torch.empty_like(kept)
    launch("order_best", scores=kept_scores, ids=kept, ordered=ordered)
    return ordered


def _best(scores: Tensor, ids: Tensor | None, keep: int, first_id: int) -> tuple[Tensor, Tensor]:
    """[B, n] scores → [B, keep] ids of the largest, ascending, and their scores. Without ids: first_id + column."""
    batch, width = scores.shape
    offsets = torch.arange(batch + 1, device=scores.device) * width
    kept = torch.zeros(batch, keep, dtype=torch.int64, device=scores.device)  # where a score is not a number
    kept_scores, found = scores.new_full((batch, keep), -torch.inf), kept.new_empty(batch)
    flat = {"scores": scores.view(-1), "ids": None if ids is None else ids.view(-1), "offsets": offsets}
    launch("select_best", **flat, kept=kept, kept_scores=kept_scores, found=found, first_id=first_id)
    return kept, kept_scores
