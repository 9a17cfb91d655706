"""Softmax cross-entropy and its gradient on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given_sets
from mongoose.ops.softmax import _padded, _ragged_softmax, _shared_softmax

MANY = torch.iinfo(torch.int64).max
ROWS_A_BLOCK = 64  # as in softmax.cu


@_shared_softmax.cuda
def _shared(
    x: Tensor,
    rows: Tensor,
    bias: Tensor,
    columns: Tensor,
    offsets: Tensor,
    log_inclusion: Tensor | None,
    low_precision: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    scores = _padded(rows) @ x.bfloat16().t() if low_precision else rows @ x.t()
    log_inclusion = None if log_inclusion is None else log_inclusion.to(x.dtype).contiguous()
    shift = {"bias": bias.contiguous(), "log_inclusion": log_inclusion}
    columns, offsets = given_sets("labels", columns, offsets, len(rows), len(x))
    labels = {"columns": columns, "offsets": offsets}
    held = scores[: len(rows)]
    if log_inclusion is not None:
        launch("add_at_labels", **labels, by=log_inclusion, scores=held)
    chunks, (largest, shares, scale, losses) = _partitions(held, x.dtype)
    launch("softmax_chunks", scores=held, **shift, **chunks)
    of_chunks = {f"chunk_{name}": values for name, values in chunks.items()}
    of_samples = {"largest": largest, "shares": shares, "scale": scale, "losses": losses}
    launch("softmax_samples", scores=held, **shift, **labels, **of_chunks, **of_samples)
    launch("softmax_weights", scores=held, **shift, largest=largest)
    launch("take_shares_off", **labels, shares=shares, weights=held)
    return losses.mean(), scores, scale


def _partitions(scores: Tensor, dtype: torch.dtype) -> tuple[dict[str, Tensor], Tensor]:
    """Room for what chunks of the classes [C, B], and samples [4, B], find of the scores [U, B]."""
    num_rows, batch = scores.shape
    chunks = scores.new_empty(2, -(-num_rows // ROWS_A_BLOCK), batch, dtype=dtype)
    return {"largest": chunks[0], "sums": chunks[1]}, scores.new_empty(4, batch, dtype=dtype)


@_ragged_softmax.cuda
def _ragged(
    logits: Tensor, ids: Tensor, offsets: Tensor, label_ids: Tensor, label_offsets: Tensor
) -> tuple[Tensor, Tensor]:
    ids, offsets = given_sets("pairs", ids, offsets, MANY)
    label_ids, label_offsets = given_sets("labels", label_ids, label_offsets, MANY, len(offsets) - 1)
    logits, pairs = logits.contiguous(), {"ids": ids, "offsets": offsets}
    labels = {"label_ids": label_ids, "label_offsets": label_offsets}
    gradient, losses = torch.empty_like(logits), logits.new_empty(offsets.numel() - 1)
    launch(
        "ragged_softmax",
        logits=logits,
        **pairs,
        **labels,
        gradient=gradient,
        losses=losses,
        share=1 / max(len(losses), 1),
    )
    return losses.mean(), gradient
