"""What tells whether hashing matters to LSH attention: buckets drawn by lot, and the best positions of all."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize, scaled_dot_product_attention

from mongoose.nn.attention import SharedQKAttention, may_meet, sort_by_bucket
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.ops.lsh_attention import LEAST_NORM


class RandomAttention(LSHAttention):
    """LSH attention without the hashing: each position draws its bucket, in every round and at every call anew.

    All else is as there, so that as many pairs meet; all heads share the draws. Arguments are those of `LSHAttention`.
    """

    _lots: Tensor | None = None  # [T, R], of the forward pass at hand

    def begin(self) -> None:
        self._lots = None

    def end(self) -> None:
        self._lots = None

    @torch.no_grad()
    def buckets(self, qk: Tensor, exists: Tensor | None = None) -> Tensor:
        (N, T, _), buckets = qk.shape, 1 << self.bits(qk.shape[1])
        if self._lots is None:
            self._lots = torch.randint(buckets, (T, self.rounds), dtype=torch.int32, generator=self.hash_generator)
        codes = self._lots.to(qk.device).expand(N, T, self.rounds)
        order = sort_by_bucket(codes, buckets, exists)
        return torch.stack([order, codes.transpose(1, 2)], 1) if self.within_buckets else order.unsqueeze(1)


class TopKAttention(SharedQKAttention):
    """To the positions of the largest scores, found by computing all: what LSH attention would be if it never missed.

    O(T²) operations and memory.

    Args:
        best: positions that a query attends to, at most.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        generator: Generator,
        best: int,
        causal: bool = True,
        dropout: float = 0.0,
        heads_at_once: int | None = None,
    ) -> None:
        super().__init__(
            dim, heads=heads, generator=generator, causal=causal, dropout=dropout, heads_at_once=heads_at_once
        )
        if best < 1:
            raise ValueError(f"best={best}; at least one position is accepted.")
        self.best = best

    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        k = normalize(qk, dim=2, eps=LEAST_NORM)
        attended = scaled_dot_product_attention(qk, k, v, self.chosen(qk, exists), scale=self.scale)
        return attended if exists is None else attended * exists.unsqueeze(2)

    @torch.no_grad()
    def chosen(self, qk: Tensor, exists: Tensor | None = None) -> Tensor:
        """[N, T, T] bool: whether position j is among the best of i. qk: [N, T, E]. exists: [N, T] bool, or None."""
        met = may_meet(qk, self.causal, exists)
        scores = qk @ normalize(qk, dim=2, eps=LEAST_NORM).transpose(1, 2)
        best = scores.masked_fill(~met, -torch.inf).topk(min(self.best, qk.shape[1]), dim=2).indices
        return torch.zeros_like(scores, dtype=torch.bool).scatter(2, best, True) & met
