"""How much of the attention that exact attention would pay is within reach of a form that does not look everywhere."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.attention_layers import queries
from mongoose.nn.ablations import TopKAttention
from mongoose.nn.attention import FullAttention, LocalAttention, SharedQKAttention, sort_by_bucket
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.ops.lsh_attention import LEAST_NORM

BEST = 8  # positions


@torch.no_grad()
def retrieved_mass(layer: SharedQKAttention, x: Tensor, counted: Tensor, best: int = BEST) -> float:
    """Of what exact causal attention pays to the `best` positions of a query, the share whose positions are met.

    All scores of T × T are computed; layers that draw their hash functions draw once more.

    Args:
        x: [B, T, D], what the layer is given. counted: [B, T] bool, positions whose attention counts.
    """
    qk, T = queries(layer, x), x.shape[1]
    scores = layer.scale * qk @ normalize(qk, dim=2, eps=LEAST_NORM).transpose(1, 2)
    earlier = torch.ones(T, T, dtype=torch.bool).tril(-1)
    paid = torch.where(earlier, scores.masked_fill(~earlier, -torch.inf).softmax(2), 0)
    top = paid.topk(min(best, T), dim=2)
    rows = counted.repeat_interleave(layer.heads, dim=0).clone()
    rows[:, 0] = False  # meets nobody
    retrieved = torch.where(_met(layer, qk).gather(2, top.indices), top.values, 0)
    return float(retrieved[rows].sum() / top.values[rows].sum())


def _met(layer: Any, qk: Tensor) -> Tensor:
    """[N, T, T] bool: whether i attends to j; with buckets: whether j lies in its chunk or the one before."""
    N, T, _ = qk.shape
    if isinstance(layer, FullAttention):
        return torch.ones(N, T, T, dtype=torch.bool)
    if isinstance(layer, TopKAttention):
        return layer.chosen(qk)
    if isinstance(layer, LocalAttention):
        order = sort_by_bucket(torch.zeros(N, T, 1, dtype=torch.int32), 1)
    else:
        assert isinstance(layer, LSHAttention)
        order = layer.buckets(qk)[:, 0]
    place = (torch.arange(T) // layer.chunk).expand_as(order)
    chunks = torch.empty_like(place).scatter(2, order.long(), place)
    back = chunks.unsqueeze(3) - chunks.unsqueeze(2)
    return ((back == 0) | (back == 1)).any(1)
