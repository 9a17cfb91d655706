"""Cross-polytope rotations that are trained on triplets: what MONGOOSE learns for attention."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Generator, Tensor, nn

from mongoose.hashing.base import LearnableHashFamily
from mongoose.hashing.losses import CosineTriplet, PairLoss
from mongoose.ops.cross_polytope import cross_polytope, directions_per_table


class LearnedRotations(LearnableHashFamily):
    """Codes are argmax([xR; −xR]), R trained so that projections of positives lie near and those of negatives apart.

    One optimiser, Adam, goes through all fits. `num_fits` and `pairs_seen` count what learning took.

    Args:
        dim: D. num_bits: K. num_tables: L, Reformer's n_hashes.
        generator: the source of the first rotations, normal, of spare columns, and of the batches of a fit.
        objective: the loss of all projections. lr: step size. steps: of a fit. batch_size: triplets a step; None: all.
        spare: learn 2**K columns a table, twice as many as are used; every call of `codes` draws which ones. So does
            the released code: the learned hash is random again, and two calls give different codes.

    Source: MONGOOSE §3.3, Eq. 3; the released reformer_lib (`TripletLSHAttention`): margin 1, Adam at 1e-3.
    Differs from it: columns are not drawn, unless asked; they start normal, not uniform in ±1/√D, which the loss, of
    cosines, does not see.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        objective: PairLoss | None = None,
        lr: float = 1e-3,
        steps: int = 1,
        batch_size: int | None = None,
        spare: bool = False,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.spare, self.used = spare, 1 << (num_bits - 1)
        columns = num_tables * self.used * (2 if spare else 1)
        self.rotations = nn.Parameter(torch.randn(dim, columns, generator=generator) / dim**0.5)
        directions_per_table(self.rotations, num_tables)
        self.objective = CosineTriplet() if objective is None else objective
        self.steps, self.batch_size, self.generator = steps, batch_size, generator
        self.optimizer = torch.optim.Adam([self.rotations], lr=lr)
        self.num_fits = self.pairs_seen = 0

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.optimizer.load_state_dict(self.optimizer.state_dict())  # which puts moments where the rotations are
        return self

    @torch.no_grad()
    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        rotations = self._drawn() if self.spare else self.rotations
        rotations = rotations.to(x.dtype)
        return cross_polytope.direct(x, rotations, self.num_tables, None if centre is None else centre @ rotations)

    def _drawn(self) -> Tensor:
        """[D, L*P]: P of the 2·P columns of each table, the same ones in all."""
        order = torch.randperm(2 * self.used, generator=self.generator, device=self.generator.device)
        chosen = order[: self.used].to(self.rotations.device, non_blocking=True)
        return self.rotations.view(self.dim, self.num_tables, 2 * self.used)[:, :, chosen].flatten(1)

    def loss(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> Tensor:
        x, near, far = (self._project(rows) for rows in (anchor, positive, negative))
        return self.objective(x, near, x if other is None else self._project(other), far)

    def _project(self, x: Tensor) -> Tensor:
        """[m, D] → [m, L, columns of a table]."""
        projected = x.to(self.rotations.dtype) @ self.rotations
        return projected.view(len(x), self.num_tables, -1)

    @torch.enable_grad()
    def fit(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> float:
        pairs = (anchor, positive, negative) if other is None else (anchor, positive, negative, other)
        loss = torch.tensor(float("nan"))
        for _ in range(self.steps if len(anchor) else 0):
            loss = self.loss(*self._batch(pairs))
            (self.rotations.grad,) = torch.autograd.grad(loss, [self.rotations])
            self.optimizer.step()
            self.rotations.grad = None
            self.pairs_seen += len(anchor) if self.batch_size is None else self.batch_size
        self.num_fits += 1
        return float(loss.detach())

    def _batch(self, pairs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self.batch_size is None:
            return pairs
        where = self.generator.device
        pick = torch.randint(len(pairs[0]), (self.batch_size,), generator=self.generator, device=where)
        pick = pick.to(pairs[0].device, non_blocking=True)
        return tuple(rows[pick] for rows in pairs)
