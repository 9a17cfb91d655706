"""Losses of pairs of projections that hash functions learn from, with their gradients in the same pass.

Smooth bits are tanh(scale·projection); a gradient by a projection is that by its smooth bit b times scale·(1 − b²).
"""

from typing import Any

import torch
from torch import Tensor

from mongoose.ops.backend import op


def bit_triplet(
    anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor, scale: float, margin: float
) -> Tensor:
    """Mean over i of max(0, mean of other_i·negative_i − mean of anchor_i·positive_i + margin), of smooth bits.

    Args:
        anchor, positive, other, negative: [M, L, K] projections.

    Returns:
        Scalar; NaN if there are none.
    """
    return _bit_triplet(anchor, positive, other, negative, scale, margin)[0]


@op("bit_triplet")
def _bit_triplet(
    anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor, scale: float, margin: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The loss, and its gradients by the four."""
    a, p, o, n = (torch.tanh(scale * of) for of in (anchor, positive, other, negative))
    each = (o * n).mean((1, 2)) - (a * p).mean((1, 2)) + margin
    share = (each > 0).to(a.dtype).view(-1, 1, 1) * scale / max(a.numel(), 1)
    near, far = -share, share
    of_a, of_p = near * p * (1 - a * a), near * a * (1 - p * p)
    of_o, of_n = far * n * (1 - o * o), far * o * (1 - n * n)
    return torch.relu(each).mean(), of_a.contiguous(), of_p.contiguous(), of_o.contiguous(), of_n.contiguous()


@_bit_triplet.fake
def _bit_triplet_shapes(
    anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor, scale: float, margin: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    of_a, of_p, of_o, of_n = (of.new_empty(of.shape) for of in (anchor, positive, other, negative))
    return anchor.new_empty(()), of_a, of_p, of_o, of_n


def contrastive(anchor: Tensor, positive: Tensor, rows: Tensor, scale: float, sharpness: float) -> Tensor:
    """Mean over i and tables l of (log mean over c of exp β a_i·r_c − β a_i·p_i) / K, of the smooth bits of table l.

    Args:
        anchor, positive: [M, L, K] projections. rows: [C, L, K], C ≥ 1. sharpness: β.

    Returns:
        Scalar; NaN if there are no anchors.

    Raises:
        ValueError: there are no rows.
    """
    if not len(rows):
        raise ValueError(f"rows of shape {tuple(rows.shape)}; at least one row to contrast with is needed.")
    return _contrastive(anchor, positive, rows, scale, sharpness)[0]


@op("contrastive")
def _contrastive(
    anchor: Tensor, positive: Tensor, rows: Tensor, scale: float, sharpness: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss, and its gradients by anchors, positives and rows."""
    a, p, r = (torch.tanh(scale * of) for of in (anchor, positive, rows))
    scores = sharpness * torch.bmm(a.transpose(0, 1), r.permute(1, 2, 0))  # [L, M, C]
    shared = torch.logsumexp(scores, 2, keepdim=True)
    near = sharpness * (a * p).sum(2)
    log_mean = shared.squeeze(2).t() - torch.tensor(float(len(r))).log()
    weights = (scores - shared).exp()  # softmax: of row c in the gradient of anchor i
    drawn = torch.bmm(weights, r.transpose(0, 1)).transpose(0, 1)
    pulled = torch.bmm(weights.transpose(1, 2), a.transpose(0, 1)).transpose(0, 1)
    share = scale * sharpness / max(a.numel(), 1)
    of_a, of_p, of_r = share * (drawn - p) * (1 - a * a), -share * a * (1 - p * p), share * pulled * (1 - r * r)
    return (log_mean - near).mean() / a.shape[2], of_a.contiguous(), of_p.contiguous(), of_r.contiguous()


@_contrastive.fake
def _contrastive_shapes(
    anchor: Tensor, positive: Tensor, rows: Tensor, scale: float, sharpness: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    of_a, of_p, of_r = (of.new_empty(of.shape) for of in (anchor, positive, rows))
    return anchor.new_empty(()), of_a, of_p, of_r


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*output[1:])
    ctx.mark_non_differentiable(*output[1:])


def _gradients(ctx: Any, gradient: Tensor, *others: Tensor) -> tuple[Tensor | None, ...]:
    if torch.is_grad_enabled():
        raise RuntimeError("losses of pairs have no second derivatives; take gradients without create_graph=True.")
    asked = zip(ctx.saved_tensors, ctx.needs_input_grad, strict=False)
    return *(gradient * of if wanted else None for of, wanted in asked), None, None


_bit_triplet.autograd(_save, _gradients)
_contrastive.autograd(_save, _gradients)
