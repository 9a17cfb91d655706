"""What rotations are taught: pairs of positions that attention brings together, and pairs that it does not.

Queries that are alike should share buckets, so both sides of a pair are queries; in what is called positive the second
is the one that the first attends to most.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from mongoose.ops.lsh_attention import LEAST_NORM, windows


class Attended(NamedTuple):
    """What a forward pass leaves: queries qk [N, T, E], their order [N, R, T], and how chunks were made of it."""

    qk: Tensor
    order: Tensor
    chunk: int
    causal: bool


class QueryTriplets(NamedTuple):
    """m queries [m, E] that should share buckets with the positives [m, E], and not with the negatives [m, E]."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


class AttentionMining(ABC):
    """A way to find triplets in one forward pass. `products` counts scores that were computed for it."""

    def __init__(self) -> None:
        self.products = 0

    @abstractmethod
    def triplets(self, seen: Attended) -> QueryTriplets:
        """Triplets of a forward pass."""


class ReleasedAttentionMining(AttentionMining):
    """Positive: whom a position attends to most; negative: the lowest score in reach; one of each a position and round.

    Both are in the position's chunk or the one before. The negative is sought before masks are laid on, so that it may
    be a position that causality hides: a defect of the released code. A positive is whoever attention met already, so
    that what it misses is never learned.

    Args:
        masked: seek negatives among what is attended to; else as released.
        block: chunks whose scores are held at once.

    Source: the released reformer_lib, `TripletLSHAttention`. Differs from it: the first chunk does not look back at the
    last; a position that meets no other has no triplet.
    """

    def __init__(self, *, masked: bool = False, block: int = 256) -> None:
        super().__init__()
        self.masked, self.block = masked, block

    def triplets(self, seen: Attended) -> QueryTriplets:
        found = [
            self._of_chunks(seen, n, rows, columns)
            for n in range(len(seen.qk))
            for order in seen.order[n].unsqueeze(1)
            for rows, columns in zip(*(w[0].split(self.block) for w in windows(order, seen.chunk)), strict=True)
        ]
        return QueryTriplets(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _of_chunks(self, seen: Attended, head: int, rows: Tensor, columns: Tensor) -> QueryTriplets:
        """rows: [C, m] positions; columns: [C, 2m]."""
        qk = seen.qk[head]
        scores = qk[rows.clamp_min(0)] @ _keys(qk)[columns.clamp_min(0)].transpose(1, 2)
        self.products += scores.numel()
        i, j = rows.unsqueeze(2), columns.unsqueeze(1)
        exists = (i >= 0) & (j >= 0) & (i != j)
        met = exists & (j < i) if seen.causal else exists
        positive = scores.masked_fill(~met, -torch.inf).argmax(2)
        negative = scores.masked_fill(~(met if self.masked else exists), torch.inf).argmin(2)
        kept = met.any(2)
        positive, negative = (columns.gather(1, place)[kept] for place in (positive, negative))
        return QueryTriplets(qk[rows[kept]], qk[positive], qk[negative])


class ExactAttentionMining(AttentionMining):
    """Of some positions the score with all that they may attend to: what hashing missed is learned too.

    Positive: the largest score of all. Negative: of what is met in a round (drawn of all), the lowest score; nothing
    that masks hide. A position has no triplet whose positive is its negative.

    Args:
        samples: positions of each head. generator: the source of the choice.

    Cost: samples·T products a head, where attention itself takes 2·R·m·T.
    """

    def __init__(self, *, generator: Generator, samples: int = 32) -> None:
        super().__init__()
        self.samples, self.generator = samples, generator

    def triplets(self, seen: Attended) -> QueryTriplets:
        found = [self._of_head(seen, n) for n in range(len(seen.qk))]
        return QueryTriplets(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _of_head(self, seen: Attended, head: int) -> QueryTriplets:
        qk, orders = seen.qk[head], seen.order[head]
        order = orders[int(self._draw(len(orders), 1))]
        held = order[order >= 0].long()
        if not len(held):
            return QueryTriplets(qk[:0], qk[:0], qk[:0])
        place = self._draw(len(held), self.samples).to(held.device, non_blocking=True)
        rows = held[place]
        scores = qk[rows] @ _keys(qk)[held].t()
        self.products += scores.numel()
        allowed = held < rows.unsqueeze(1) if seen.causal else held != rows.unsqueeze(1)
        back = (place // seen.chunk).unsqueeze(1) - torch.arange(len(held), device=held.device) // seen.chunk
        met = allowed & (back >= 0) & (back <= 1)
        positive = scores.masked_fill(~allowed, -torch.inf).argmax(1)
        negative = scores.masked_fill(~met, torch.inf).argmin(1)
        kept = met.any(1) & (positive != negative)
        return QueryTriplets(qk[rows[kept]], qk[held[positive[kept]]], qk[held[negative[kept]]])

    def _draw(self, below: int, count: int) -> Tensor:
        return torch.randint(below, (count,), generator=self.generator, device=self.generator.device)


def _keys(qk: Tensor) -> Tensor:
    return torch.nn.functional.normalize(qk, dim=1, eps=LEAST_NORM)
