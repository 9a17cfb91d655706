"""LSH attention as a layer: hash, sort, attend in chunks."""

import math
from typing import Protocol

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.cross_polytope import CrossPolytope
from mongoose.nn.attention import SharedQKAttention, sort_by_bucket
from mongoose.nn.replay import decided
from mongoose.ops.lsh_attention import lsh_attention


class MakeFamily(Protocol):
    """A hash family's class, or what calls it with more arguments."""

    def __call__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> HashFamily: ...


class LSHAttention(SharedQKAttention):
    """To what shares, or nearly shares, a bucket in one of several rounds of hashing.

    Never becomes full attention by itself, however short the sequence: where all positions fit a chunk it is exact.

    Args:
        rounds: R. chunk: m, positions of a chunk, which attends to itself and to the one before.
        family: makes hash functions of queries, K bits for 2**K buckets, which all heads share. CrossPolytope is
            Reformer's.
        num_bits: K; None: for buckets of `chunk` positions on average, by the length of the sequence at hand.
        redraw: new hash functions at every call; else those of the start are kept, and num_bits must be given.
        within_buckets: positions of other buckets in reach are not attended to.
        hash_generator: the source of hash functions.

    In a recomputation (`Tape.replaying`) the buckets are those of the forward pass, bit for bit, and nothing is drawn.

    Source: Reformer §2; the released reformer_lib. Differs from both: see `mongoose.ops.lsh_attention`; padding is
    sorted behind everything, so that a padded sequence is attended to as it is without. Differs from the released code:
    the number of buckets is a power of two; a pair that meets in several rounds counts once.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        generator: Generator,
        hash_generator: Generator,
        rounds: int = 4,
        chunk: int = 64,
        family: MakeFamily = CrossPolytope,
        num_bits: int | None = None,
        redraw: bool = True,
        within_buckets: bool = False,
        causal: bool = True,
        dropout: float = 0.0,
        heads_at_once: int | None = None,
    ) -> None:
        super().__init__(
            dim, heads=heads, generator=generator, causal=causal, dropout=dropout, heads_at_once=heads_at_once
        )
        if num_bits is None and not redraw:
            raise ValueError("num_bits=None with redraw=False; functions that are kept need a number of bits.")
        self.rounds, self.chunk, self.num_bits, self.within_buckets = rounds, chunk, num_bits, within_buckets
        self.make_family, self.hash_generator = family, hash_generator
        self.family = None if redraw else self._draw(0)
        self._drawn: HashFamily | None = None  # for the forward pass at hand

    def begin(self) -> None:
        self._drawn = None

    def end(self) -> None:
        self._drawn = None

    def attend(self, qk: Tensor, v: Tensor, exists: Tensor | None) -> Tensor:
        sorted_by = decided(lambda: self.buckets(qk.detach(), exists))
        order, codes = sorted_by.unbind(1) if self.within_buckets else (sorted_by[:, 0], None)
        out, _ = lsh_attention(qk, v, order, codes, self.chunk, self.scale, self.causal)
        return out

    @torch.no_grad()
    def buckets(self, qk: Tensor, exists: Tensor | None = None) -> Tensor:
        """Hash and sort queries [N, T, E]: [N, 1, R, T] int32 orders, or [N, 2, R, T] with the codes of positions.

        By functions that were drawn in this forward pass, or are drawn now.
        """
        N, T, E = qk.shape
        family = self.family or self._drawn
        if family is None:
            family = self._drawn = self._draw(T)
        codes = family.codes(qk.reshape(N * T, E)).view(N, T, self.rounds)
        order = sort_by_bucket(codes, 1 << family.num_bits, exists)
        return torch.stack([order, codes.transpose(1, 2)], 1) if self.within_buckets else order.unsqueeze(1)

    def bits(self, length: int) -> int:
        """K for a sequence."""
        return max(1, round(math.log2(max(length / self.chunk, 1)))) if self.num_bits is None else self.num_bits

    def _draw(self, length: int) -> HashFamily:
        E = self.to_qk.in_features // self.heads
        made = self.make_family(E, num_bits=self.bits(length), num_tables=self.rounds, generator=self.hash_generator)
        return made.to(self.to_qk.weight)  # the dtype too
