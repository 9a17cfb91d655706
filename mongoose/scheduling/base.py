"""What an update policy promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from mongoose.movable import Movable
from mongoose.ops.copies import compare_copies


class Rows(Enum):
    """Row selections that need no list."""

    ALL = "all"
    NONE = "none"


class RowSource(Protocol):
    """Rows as they are hashed: a [N, D] tensor, or what makes rows of it when they are asked for."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, ids: Any, /) -> Tensor:
        """The rows `ids` ([m] int64), [m, D]; all of them for the slice `[:]`."""

    @property
    def device(self) -> torch.device:
        """Where the rows are."""


class Hashing(Protocol):
    """How the owner of the tables hashes rows: what a policy may know that looks at codes or hyperplanes."""

    @property
    def table_codes(self) -> Tensor:
        """[N, L] int32, the codes under which the tables hold the rows."""

    def row_codes(self, rows: Tensor) -> Tensor:
        """[m, L] int32, the codes that rows [m, D] get now."""

    def hyperplanes(self) -> tuple[Tensor, Tensor | None]:
        """Normals [D, L*K] of the planes that rows are hashed by, and the centre [D] that they pass through.

        The centre is None for the origin. ValueError if the hash family has no hyperplanes.
        """


@dataclass
class Cost:
    """What deciding has taken so far; what the decisions took is counted by the owner of the tables.

    asked: decisions for which rows were looked at. rows_compared: rows compared with their copy (D numbers each).
    rows_ranked: rows ranked by how far they are known to have moved (one number each). rows_hashed: rows hashed, or
    projected on the planes.
    """

    asked: int = 0
    rows_compared: int = 0
    rows_ranked: int = 0
    rows_hashed: int = 0


class UpdatePolicy(Movable, ABC):
    """Decides which rows of the tables to bring up to date; never touches them.

    The owner of the tables says how it hashes (`attach`), asks after every training step, and calls `updated` once the
    rows it was told to move have moved; the first call of `updated` announces that the tables were built.
    """

    wants_touched: ClassVar[bool] = False  # whether `touched` is to be called, for which an owner may have to sort ids
    aside: Tensor | None = None
    """[m] int64, ascending: rows for which the tables must not be trusted; queries scan them. None: there are none."""

    @cached_property
    def cost(self) -> Cost:
        """What deciding has taken so far."""
        return Cost()

    @abstractmethod
    def rows_to_update(self, step: int, weight: RowSource) -> Rows | Tensor:
        """The rows to re-hash now: Rows.ALL, Rows.NONE or [m] int64 ids, distinct and ascending.

        Asked again, with nothing done in between, it answers the same.

        Args:
            step: training steps done. weight: the N rows as they are now.
        """

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        """`rows` have moved (all: tables were built, or hash functions changed): what later decisions compare with."""

    def touched(self, rows: Tensor) -> None:
        """A training step has changed these rows ([m] int64, distinct) and no others."""

    def attach(self, hashing: Hashing) -> None:
        """The owner of the tables says how it hashes, before it builds them."""


class RowwisePolicy(UpdatePolicy):
    """A policy that looks at the rows that have changed since it last looked, and at no others.

    After a step of which nobody told it what was touched, any row may have changed.

    Args:
        full_every: update all rows every so many steps, stale or not: a centre, a transform and learned hash functions
            change for all rows at once, and only then. None: never.
    """

    wants_touched = True

    def __init__(self, *, full_every: int | None = None) -> None:
        if full_every is not None and full_every < 1:
            raise ValueError(f"full_every={full_every}; a number of steps ≥ 1 is accepted, or None for never.")
        self.full_every = full_every
        self._told: Tensor | None = None

    def touched(self, rows: Tensor) -> None:
        self._told = rows if self._told is None else torch.cat([self._told, rows]).unique()

    def rows_to_update(self, step: int, weight: RowSource) -> Rows | Tensor:
        if self.full_every is not None and step % self.full_every == 0:
            return Rows.ALL
        self.cost.asked += 1
        ids = self.stale(weight)
        return ids if len(ids) else Rows.NONE

    @abstractmethod
    def stale(self, weight: RowSource) -> Tensor:
        """[m] int64, distinct and ascending: the rows to re-hash now; may be empty."""

    def changed(self, weight: RowSource, *, forget: bool = True) -> Tensor:
        """[m] int64, distinct and ascending: the rows that may have changed since they were last forgotten."""
        told = self._told
        if forget:
            self._told = None
        return torch.arange(len(weight), device=weight.device) if told is None else told

    def compare(self, rows: RowSource, held: Tensor, ids: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
        """How far the rows `ids` are from their copies, and which are not nearer than a limit; no others are made.

        Args:
            held: [N, D], the copies. ids: [n] int64. limit: [N], or [1] for all rows.

        Returns:
            [n] distances; [m] int64, the ids of the far rows, in their order; NaN is far.
        """
        self.cost.rows_compared += len(ids)
        if isinstance(rows, Tensor):
            moved, far = compare_copies.direct(rows, held, ids, limit)
        else:  # rows that are made when they are asked for
            made, places = rows[ids], torch.arange(len(ids), device=ids.device)
            moved, far = compare_copies.direct(made, held[ids], places, limit if len(limit) == 1 else limit[ids])
        return moved, ids[far]

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        self._told = None
