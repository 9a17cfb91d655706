"""Self-attention whose queries are also the keys, and those of its forms that do not hash."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, normalize, scaled_dot_product_attention

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
        generator: the source of first weights, normal with variance 1/D.

    Source: Reformer §2 (shared-QK).
    """

    def __init__(
        self, dim: int, *, heads: int, generator: Generator, causal: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"dim={dim} with heads={heads}; a number of heads that divides dim is accepted.")
        self.heads, self.causal, self.dropout = heads, causal, dropout
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
        if exists is not None:
            exists = exists.repeat_interleave(self.heads, dim=0)
        attended = self.attend(self._split(self.to_qk(x)), self._split(self.to_v(x)), exists)
        return dropout(self.to_out(self._merge(attended, len(x))), self.dropout, self.training)

    @abstractmethod
    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        """Queries and values [N, T, E] of all N heads of the batch, exists [N, T] → [N, T, E]."""

    def _split(self, x: Tensor) -> Tensor:
        """[B, T, H·E] → [B·H, T, E]."""
        B, T, D = x.shape
        return x.view(B, T, self.heads, D // self.heads).transpose(1, 2).reshape(B * self.heads, T, D // self.heads)

    def _merge(self, x: Tensor, batch: int) -> Tensor:
        """[B·H, T, E] → [B, T, H·E]."""
        _, T, E = x.shape
        return x.view(batch, self.heads, T, E).transpose(1, 2).reshape(batch, T, self.heads * E)


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
        itself = torch.eye(qk.shape[1], dtype=torch.bool, device=qk.device)
        met = (~itself).tril() if self.causal else ~itself
        met = met.expand(1 if exists is None else len(qk), -1, -1)
        if exists is not None:
            met = met & exists.unsqueeze(1)
        met = met | itself & ~met.any(2, keepdim=True)
        attended = scaled_dot_product_attention(qk, k, v, met, scale=self.scale)
        return attended if exists is None else attended * exists.unsqueeze(2)


class LocalAttention(SharedQKAttention):
    """To the chunk of positions that a position lies in and to the one before: LSH attention without hashing.

    Args:
        chunk: positions of a chunk.
    """

    def __init__(
        self, dim: int, *, heads: int, generator: Generator, chunk: int, causal: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(dim, heads=heads, generator=generator, causal=causal, dropout=dropout)
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
