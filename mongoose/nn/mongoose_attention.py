"""MONGOOSE's attention: LSH attention whose rotations learn, when a policy says that it is time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import LearnableHashFamily
from mongoose.hashing.learned_rotations import LearnedRotations
from mongoose.nn.attention_mining import (
    Attended,
    AttentionMining,
    ExactAttentionMining,
    QueryTriplets,
    ReleasedAttentionMining,
)
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.scheduling.drift import Drift


@dataclass
class LearningCost:
    """What learning has taken so far; what asking took is counted by the policy.

    fits: how often rotations learned. triplets: from how many. products: scores computed to find them.
    """

    fits: int = 0
    triplets: int = 0
    products: int = 0


class MongooseAttention(LSHAttention):
    """LSH attention that keeps its hash functions, and trains them on triplets of a forward pass.

    The owner calls `refresh` after every training step, which asks the policy; where the answer is yes, the next
    forward pass in training finds triplets in what it computed and fits the functions, which later passes use. Nothing
    is kept in between. The loss of the network never reaches the hash functions, nor theirs the network.

    Args:
        policy: is asked about the rows of the shared-QK weight, [H·E, D]. mining: finds triplets.
        family: makes functions that learn. settings: of `LSHAttention`; num_bits must be given.

    Source: MONGOOSE §3.3 and §4; the released reformer_lib, see `released`.
    """

    def __init__(
        self,
        dim: int,
        *,
        policy: UpdatePolicy,
        mining: AttentionMining,
        family: Any = LearnedRotations,
        **settings: Any,
    ) -> None:
        super().__init__(dim, family=family, redraw=False, **settings)
        self.policy, self.mining = policy, mining
        self.cost = LearningCost()
        self._due = False
        self._found: list[QueryTriplets] = []  # in the forward pass at hand
        policy.updated(0, self.to_qk.weight.detach())

    @classmethod
    def by_drift(
        cls, dim: int, *, hash_generator: Generator, threshold: float = 0.001, lr: float = 1e-2, **settings: Any
    ) -> "MongooseAttention":
        """Learns once a share of code bits of the weight has flipped, from all that attention might have met.

        lr, of a fit of 8 steps: rotations of a few hundred columns learn within tens of fits.
        """
        family = partial(LearnedRotations, lr=lr, steps=8)
        policy = Drift(threshold, dim=dim, generator=hash_generator)
        mining = ExactAttentionMining(generator=hash_generator)
        return cls(dim, policy=policy, mining=mining, family=family, hash_generator=hash_generator, **settings)

    @classmethod
    def released(cls, dim: int, *, hash_generator: Generator, **settings: Any) -> "MongooseAttention":
        """All positions and rounds mined, one step a fit, half of the columns drawn at every call, packed integers.

        Differs from the released code: gradients are not clipped together with those of the network; Adam stands still
        when there is nothing to learn from; the code of before the first weights is not compared with.
        """
        policy = Drift.released_reformer(dim=dim, generator=hash_generator)
        family = partial(LearnedRotations, spare=True)
        mining = ReleasedAttentionMining()
        return cls(dim, policy=policy, mining=mining, family=family, hash_generator=hash_generator, **settings)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.policy.to(self.to_qk.weight.device)
        return self

    def refresh(self, step: int) -> None:
        """Ask the policy, after `step` training steps."""
        weight = self.to_qk.weight.detach()
        if self.policy.rows_to_update(step, weight) is not Rows.NONE:
            self.policy.updated(step, weight)
            self._due = True

    @torch.no_grad()
    def buckets(self, qk: Tensor, exists: Tensor | None = None) -> Tensor:
        """As in `LSHAttention`; where learning is due in training, triplets are found for it."""
        sorted_by = super().buckets(qk, exists)
        if self._due and self.training:
            self._found.append(self.mining.triplets(Attended(qk, sorted_by[:, 0], self.chunk, self.causal)))
        return sorted_by

    def end(self) -> None:
        super().end()
        if self._found:
            assert isinstance(self.family, LearnableHashFamily)
            triplets = [torch.cat(part) for part in zip(*self._found, strict=True)]
            self.family.fit(*triplets)
            self.cost.fits += 1
            self.cost.triplets += len(triplets[0])
            self.cost.products = self.mining.products
            self._found, self._due = [], False
