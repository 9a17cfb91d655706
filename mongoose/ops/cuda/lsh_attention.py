"""LSH attention on CUDA kernels: a launch a round, and a block for 32 positions of a chunk, or 64 in bfloat16."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given
from mongoose.ops.lsh_attention import _checked, _wide, lsh_attention, lsh_attention_gradients

UNMARKED = 1 << 31  # of a position that does not exist: chunk 2³¹, and no sequence has so many


@lsh_attention.cuda
def _attention(
    qk: Tensor, v: Tensor, order: Tensor, codes: Tensor | None, chunk: int, scale: float, causal: bool
) -> tuple[Tensor, Tensor]:
    qk, v, order, codes = _checked(qk, v, order, codes, chunk)
    marks, rounds = _marks(order, codes, chunk), _rounds(order, chunk, scale, causal)
    shared = {"qk": qk, "v": v, "squares": _products(qk, qk), "order": order, "marks": marks}
    lse = torch.full(qk.shape[:2], -torch.inf, dtype=_sums(qk), device=qk.device)
    out = torch.where(_exists(marks), v, 0).to(lse.dtype)  # of a position that meets nobody
    for which in rounds:
        launch("attend_chunks", **shared, out=out, lse=lse, **which)
    return out.to(qk.dtype), lse


@lsh_attention_gradients.cuda
def _gradients(
    gradient: Tensor,
    qk: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    order: Tensor,
    codes: Tensor | None,
    chunk: int,
    scale: float,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    qk, v, order, codes = _checked(qk, v, order, codes, chunk)
    gradient, out = (given(name, x, qk.dtype, *qk.shape) for name, x in (("gradient", gradient), ("out", out)))
    lse = given("lse", lse, _sums(qk), *qk.shape[:2])
    marks, rounds = _marks(order, codes, chunk), _rounds(order, chunk, scale, causal)
    alone = _exists(marks) & (lse == -torch.inf).unsqueeze(2)
    of_qk, of_v = torch.zeros_like(qk, dtype=lse.dtype), torch.where(alone, gradient, 0).to(lse.dtype)
    of_each = {"squares": _products(qk, qk), "centres": _products(gradient, out), "lse": lse}
    shared = {"gradient": gradient, "qk": qk, "v": v, **of_each, "order": order, "marks": marks}
    for which in rounds:
        launch("attention_of_queries", **shared, of_qk=of_qk, **which)
        launch("attention_of_keys", **shared, of_qk=of_qk, of_v=of_v, **which)
    return of_qk.to(qk.dtype), of_v.to(v.dtype)


def _marks(order: Tensor, codes: Tensor | None, chunk: int) -> Tensor:
    """[N, T, R] int64: where every position lies in every round, its bucket and its chunk."""
    heads, rounds, length = order.shape
    marks = torch.full((heads, length, rounds), UNMARKED, dtype=torch.int64, device=order.device)
    launch("mark_places", order=order, codes=codes, marks=marks, m=_fitting(chunk, length))
    return marks


def _exists(marks: Tensor) -> Tensor:
    """[N, T, 1] of marks."""
    return marks[:, :, :1] != UNMARKED


def _rounds(order: Tensor, chunk: int, scale: float, causal: bool) -> list[dict[str, int | float | bool]]:
    """The numbers that the launch of each round takes."""
    numbers = {"m": _fitting(chunk, order.shape[2]), "scale": scale, "causal": causal}
    return [numbers | {"r": r} for r in range(order.shape[1])]


def _fitting(chunk: int, length: int) -> int:
    return min(chunk, max(length, 1))


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Of the rows of a and b [N, T, E], [N, T]."""
    products = torch.empty(a.shape[:2], dtype=_sums(a), device=a.device)
    launch("row_products", a=a.flatten(0, 1), b=b.flatten(0, 1), products=products.view(-1))
    return products


def _sums(x: Tensor) -> torch.dtype:
    return _wide(x[:0]).dtype
