"""Losses that hash functions learn from, on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.pair_losses import _bit_triplet, _contrastive


@_bit_triplet.cuda
def _triplet(
    anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor, scale: float, margin: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    names = ("anchor", "positive", "other", "negative")
    given = {name: of.contiguous() for name, of in zip(names, (anchor, positive, other, negative), strict=True)}
    found = {f"of_{name}": torch.empty_like(of) for name, of in given.items()}
    losses = anchor.new_empty(len(anchor))
    flat = {name: of.flatten(1) for name, of in (given | found).items()}
    launch("bit_triplet", **flat, losses=losses, scale=scale, margin=margin)
    of_anchor, of_positive, of_other, of_negative = found.values()
    return losses.mean(), of_anchor, of_positive, of_other, of_negative


@_contrastive.cuda
def _against_rows(
    anchor: Tensor, positive: Tensor, rows: Tensor, scale: float, sharpness: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The smooth bits of a table's rows lie in shared memory: 512 rows of 23 bits in float32, 256 in float64.

    Raises:
        KernelArgumentError: they do not fit.
    """
    anchor, positive, rows = anchor.contiguous(), positive.contiguous(), rows.contiguous()
    of_anchor, of_positive, of_rows = map(torch.empty_like, (anchor, positive, rows))
    num_pairs, tables, _ = anchor.shape
    losses, weights = anchor.new_empty(num_pairs, tables), anchor.new_empty(tables, num_pairs, len(rows))
    arrays = {"anchor": anchor, "rows": rows, "weights": weights}
    of_queries = {"positive": positive, "losses": losses, "of_anchor": of_anchor, "of_positive": of_positive}
    launch("contrastive", **arrays, **of_queries, scale=scale, sharpness=sharpness)
    launch("contrastive_rows", **arrays, of_rows=of_rows, scale=scale, sharpness=sharpness)
    return losses.mean(), of_anchor, of_positive, of_rows
