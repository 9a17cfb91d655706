"""An index of the rows of a weight matrix by their hash codes, kept true to the matrix while it is trained."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import HashFamily, LearnableHashFamily, RowFittedHashFamily
from mongoose.ops.shortlist import DIGEST, describe_rows
from mongoose.ops.simhash import changed_rows
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.tables import HashTables


@dataclass
class IndexStatistics:
    """What the index has done so far: updates of the tables, rows that moved in them, fits of the hash functions."""

    updates: int = 0
    rows_moved: int = 0
    fits: int = 0


class LSHIndex:
    """A hash family, its tables, and a policy that says when they follow the weights.

    Args:
        family: hashes queries and rows alike. policy: decides what to update after each step.
        centre: hash x − running mean of the queries and w − mean row. Queries behind a ReLU all point the same way,
            and share one bucket otherwise.
        momentum: weight of the past in the running mean of the queries.
        shortlist: candidates a query whose exact scores `retrieve` computes; None: all.
    """

    def __init__(
        self,
        family: HashFamily,
        policy: UpdatePolicy,
        *,
        centre: bool = True,
        momentum: float = 0.95,
        shortlist: int | None = None,
    ) -> None:
        self.shortlist, self.digests = shortlist, torch.empty(0, DIGEST, dtype=torch.int32)
        self.family, self.policy, self.centre, self.momentum = family, policy, centre, momentum
        self.tables = HashTables(num_bits=family.num_bits, num_tables=family.num_tables)
        self.statistics = IndexStatistics()
        self.query_mean = torch.zeros(family.dim)
        self.row_mean = torch.zeros(family.dim)
        self._observed = False
        self._described = False  # around a mean of queries that were seen
        self._mined: tuple[Tensor, Tensor, Tensor, Tensor | None] | None = None

    def observe(self, x: Tensor) -> None:
        """Take a batch of queries [B, D] into their running mean."""
        if self.centre:
            mean = x.mean(0)
            self.query_mean = torch.lerp(mean, self.query_mean, self.momentum) if self._observed else mean
            self._observed = True

    def query(self, x: Tensor, *, cap: int | None = None, generator: Generator | None = None) -> Candidates:
        """The rows that share a code with each query of [B, D]; the other arguments as in HashTables.query."""
        return self.tables.query(self.query_codes(x), cap=cap, generator=generator)

    def retrieve(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        *,
        keep: int,
        cap: int | None = None,
        generator: Generator | None = None,
    ) -> Candidates:
        """Of what `query` finds, each query's `keep` rows of the largest scores x·w + b."""
        short = self.shortlist is not None and self.tables.built
        if short and not self._described:
            self._describe(weight, Rows.ALL)
        return self.tables.retrieve(
            *(x, weight, bias, self.query_codes(x)),
            keep=keep,
            shortlist=self.shortlist if short else None,
            digests=self.digests if short else None,
            radius=(x - self.query_mean).norm(dim=1).float() if short else None,
            cap=cap,
            generator=generator,
        )

    def query_codes(self, x: Tensor) -> Tensor:
        """[B, D] queries → [B, L] codes, to look up in `tables`."""
        return self.family.query_codes(x, self.query_mean if self.centre else None)

    def learn_from(self, x: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> None:
        """Keep triplets for the next fit of a learnable family.

        Args:
            x: [m, D] queries. positive, negative: [m] row ids. other: [m, D] queries of the negatives; None: x.
        """
        self._mined = (x, positive, negative, other)

    def due(self, step: int, weight: Tensor) -> Rows | Tensor:
        """What `refresh` would bring up to date now; everything, if the tables are still to be built."""
        return self.policy.rows_to_update(step, weight) if self.tables.built else Rows.ALL

    @torch.no_grad()
    def refresh(self, step: int, weight: Tensor, rows: Rows | Tensor) -> None:
        """Fit the hash functions if they can learn, re-hash `rows` (from `due`), move those whose code changed."""
        if rows is Rows.NONE:
            return
        learns = self._mined is not None and isinstance(self.family, LearnableHashFamily)
        rows = Rows.ALL if learns else rows
        if isinstance(rows, Rows) and self.centre:
            self.row_mean = weight.mean(0)
        if isinstance(rows, Rows):
            self._fit(weight)
        self._rehash(weight, rows)
        self._describe(weight, rows)
        self.policy.updated(step, weight)
        self.statistics.updates += 1

    def _fit(self, weight: Tensor) -> None:
        if isinstance(self.family, RowFittedHashFamily):
            self.family.fit_rows(weight, self.row_mean if self.centre else None)
        elif self._mined is not None and isinstance(self.family, LearnableHashFamily):
            x, positive, negative, other = self._mined
            others = () if other is None else (other - self.query_mean,)
            rows = (weight[ids] - self.row_mean for ids in (positive, negative))
            self.family.fit(x - self.query_mean, *rows, *others)
            self._mined = None
        else:
            return
        self.statistics.fits += 1

    def _rehash(self, weight: Tensor, rows: Rows | Tensor) -> None:
        centre = self.row_mean if self.centre else None
        codes = self.family.codes(weight if isinstance(rows, Rows) else weight[rows], centre)
        if not self.tables.built:
            self.tables.build(codes)
            self.statistics.rows_moved += len(weight)
            return
        known = self.tables.codes if isinstance(rows, Rows) else self.tables.codes[rows]
        moved = changed_rows(codes, known)
        self.tables.update(moved if isinstance(rows, Rows) else rows[moved], codes[moved])
        self.statistics.rows_moved += len(moved)

    def _describe(self, weight: Tensor, rows: Rows | Tensor) -> None:
        """Note what the shortlist's estimates need of the rows."""
        if self.shortlist is None:
            return
        self._described = self._observed or not self.centre
        about = (self.tables.num_bits, self.row_mean, self.query_mean)
        if isinstance(rows, Rows):
            self.digests = describe_rows(weight, self.tables.codes, *about)
        else:
            self.digests[rows] = describe_rows(weight[rows], self.tables.codes[rows], *about)
