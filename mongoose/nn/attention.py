"""Self-attention whose queries are also the keys, and those of its forms that do not hash."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, linear, normalize, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from mongoose.nn.replay import Tape
from mongoose.ops.buckets import build_buckets
from mongoose.ops.lsh_attention import LEAST_NORM, lsh_attention


class SharedQKAttention(nn.Module, ABC):
    """Multi-head self-attention with shared queries and keys: k_j = q_j/|q_j|, scores q_i·k_j/√E.

    A position attends to itself only if there is no other, since its own key is always the nearest. Forms differ in who
    attends to whom, and in nothing else.

    Args:
        dim: D, of which each of the `heads` has E = D/heads. causal: later positions are not attended to.
        dropout: share of the layer's output that is zeroed in training, in every form alike. Attention itself is not
            dropped: `scaled_dot_product_attention` would then make T × T matrices on a CPU.
        heads_at_once: compute so many heads after one another, and again in the backward pass, so that queries, values
            and outputs of few are held; None: all at once, and nothing twice.
        generator: the source of first weights, normal with variance 1/D.

    Source: Reformer §2 (shared-QK).
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        generator: Generator,
        causal: bool = True,
        dropout: float = 0.0,
        heads_at_once: int | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"dim={dim} with heads={heads}; a number of heads that divides dim is accepted.")
        if heads_at_once is not None and (heads_at_once < 1 or heads % heads_at_once):
            raise ValueError(f"heads_at_once={heads_at_once} of {heads}; a number that divides heads is accepted.")
        self.heads, self.causal, self.dropout, self.heads_at_once = heads, causal, dropout, heads_at_once
        self.to_qk, self.to_v, self.to_out = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        for layer in (self.to_qk, self.to_v, self.to_out):
            nn.init.normal_(layer.weight, std=dim**-0.5, generator=generator)

    @property
    def scale(self) -> float:
        """1/√E."""
        return math.sqrt(self.heads / self.to_qk.in_features)

    def forward(self, x: Tensor, exists: Tensor | None = None) -> Tensor:
        """[B, T, D] → [B, T, D].

        Args:
            exists: [B, T] bool, False for padding, which nobody attends to and which is given 0; None: all exist.
        """
        self.begin()
        at_once = self.heads if self.heads_at_once is None else self.heads_at_once
        out: Tensor | None = None
        for first in range(0, self.heads, at_once):
            part = self._again_later(x, exists, first) if at_once < self.heads else self._heads(x, exists, 0, at_once)
            out = part if out is None else out.add_(part)
        self.end()
        assert out is not None
        return dropout(out, self.dropout, self.training)

    def begin(self) -> None:
        """A forward pass begins."""

    def end(self) -> None:
        """The forward pass has attended, with all heads."""

    def _again_later(self, x: Tensor, exists: Tensor | None, first: int) -> Tensor:
        """`_heads` from `first` on, computed again in the backward pass, with the same decisions."""
        if not torch.is_grad_enabled():
            return self._heads(x, exists, first, self.heads_at_once or self.heads)
        tape = Tape()
        out: Tensor = checkpoint(
            self._heads,
            x,
            exists,
            first,
            self.heads_at_once,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=lambda: (tape.recording(), tape.replaying()),
        )
        return out

    def _heads(self, x: Tensor, exists: Tensor | None, first: int, count: int) -> Tensor:
        """What `count` heads from `first` on add to the output, [B, T, D]."""
        E = self.to_qk.in_features // self.heads
        rows = slice(first * E, (first + count) * E)
        qk, v = (self._split(linear(x, layer.weight[rows]), count) for layer in (self.to_qk, self.to_v))
        existing = None if exists is None else exists.repeat_interleave(count, dim=0)
        return linear(self._merge(self.attend(qk, v, existing), len(x)), self.to_out.weight[:, rows])

    @abstractmethod
    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        """Queries and values [N, T, E] of all N heads of the batch, exists [N, T] → [N, T, E]."""

    def _split(self, x: Tensor, heads: int) -> Tensor:
        """[B, T, heads·E] → [B·heads, T, E]."""
        B, T, width = x.shape
        return x.view(B, T, heads, width // heads).transpose(1, 2).reshape(B * heads, T, width // heads)

    def _merge(self, x: Tensor, batch: int) -> Tensor:
        """[B·heads, T, E] → [B, T, heads·E]."""
        rows, T, E = x.shape
        return x.view(batch, rows // batch, T, E).transpose(1, 2).reshape(batch, T, rows // batch * E)


class FullAttention(SharedQKAttention):
    """To all positions, by `scaled_dot_product_attention`: fused, O(T²) operations and O(T) memory if causal.

    If not, or with padding, torch is given a mask of T × T.
    """

    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        k = normalize(qk, dim=2, eps=LEAST_NORM)
        if not self.causal or exists is not None:
            return self._masked(qk, k, v, exists)
        # Position i attends to 0 … i − 1: queries from the second on, and all keys but the last, are causal as torch
        # understands it. It has a fused kernel for four dimensions.
        q, k, values = (t.unsqueeze(0) for t in (qk[:, 1:], k[:, :-1], v[:, :-1]))
        attended = scaled_dot_product_attention(q, k, values, is_causal=True, scale=self.scale)
        return torch.cat([v[:, :1], attended[0]], dim=1)

    def _masked(self, qk: Tensor, k: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        met = may_meet(qk, self.causal, exists)
        attended = scaled_dot_product_attention(qk, k, v, met, scale=self.scale)
        return attended if exists is None else attended * exists.unsqueeze(2)


def may_meet(qk: Tensor, causal: bool, exists: Tensor | None) -> Tensor:
    """[N, T, T] bool, or [1, T, T] without padding: whether j is one that i may attend to, of all.

    Args:
        qk: [N, T, E]. causal: only those before it. exists: [N, T] bool, or None.
    """
    itself = torch.eye(qk.shape[1], dtype=torch.bool, device=qk.device)
    met = (~itself).tril() if causal else ~itself
    met = met.expand(1 if exists is None else len(qk), -1, -1)
    if exists is not None:
        met = met & exists.unsqueeze(1)
    return met | itself & ~met.any(2, keepdim=True)


class LocalAttention(SharedQKAttention):
    """To the chunk of positions that a position lies in and to the one before: LSH attention without hashing.

    Args:
        chunk: positions of a chunk.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        generator: Generator,
        chunk: int,
        causal: bool = True,
        dropout: float = 0.0,
        heads_at_once: int | None = None,
    ) -> None:
        super().__init__(
            dim, heads=heads, generator=generator, causal=causal, dropout=dropout, heads_at_once=heads_at_once
        )
        self.chunk = chunk

    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        order = sort_by_bucket(torch.zeros(*qk.shape[:2], 1, dtype=torch.int32, device=qk.device), 1, exists)
        out, _ = lsh_attention(qk, v, order, None, self.chunk, self.scale, self.causal)
        return out


def sort_by_bucket(codes: Tensor, num_buckets: int, exists: Tensor | None = None) -> Tensor:
    """The `order` of `lsh_attention`: positions by (bucket, position), those that exist.

    Args:
        codes: [N, T, R] int32 in [0, num_buckets), of R rounds. exists: [N, T] bool, or None.

    Returns:
        [N, R, T] int32, with −1 for each position that does not exist, at the end.
    """
    N, T, R = codes.shape
    if exists is not None:
        codes = codes.masked_fill(~exists.unsqueeze(2), num_buckets)
    order, _ = build_buckets.direct(codes.transpose(0, 1).reshape(T, N * R), num_buckets + 1)
    order = order.view(N, R, T)
    if exists is None:
        return order
    missing = torch.arange(T, device=codes.device) >= exists.sum(1, keepdim=True)
    return order.masked_fill(missing.unsqueeze(1), -1)
