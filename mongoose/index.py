"""An index of the rows of a weight matrix by their hash codes, kept true to the matrix while it is trained."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import HashFamily, LearnableHashFamily, RowFittedHashFamily
from mongoose.hashing.transforms import Transform
from mongoose.movable import Movable
from mongoose.native.arguments import trusted
from mongoose.ops.rerank import rerank
from mongoose.ops.shortlist import DIGEST, describe_rows
from mongoose.ops.simhash import changed_rows
from mongoose.ops.topk import topk_rows
from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy
from mongoose.scheduling.never import Never
from mongoose.tables import HashTables


class TransformedRows:
    """The rows as they are hashed, made when they are asked for; see RowSource."""

    def __init__(self, transform: Transform, weight: Tensor, bias: Tensor) -> None:
        self._transform, self._weight, self._bias = transform, weight, bias

    def __len__(self) -> int:
        return len(self._weight)

    def __getitem__(self, ids: Any, /) -> Tensor:
        return self._transform.rows(self._weight[ids], self._bias[ids])

    @property
    def device(self) -> torch.device:
        return self._weight.device


@dataclass
class IndexStatistics:
    """What the index has done so far.

    updates: updates of the tables, the first build among them. rows_hashed: rows re-hashed in these. rows_moved: those
    of them whose code had changed, which moved in the tables. fits: of the hash functions.
    """

    updates: int = 0
    rows_hashed: int = 0
    rows_moved: int = 0
    fits: int = 0


class LSHIndex(Movable):
    """A hash family, its tables, and a policy that says when they follow the weights.

    Args:
        family: hashes queries and rows alike. policy: decides what to update after each step.
        centre: hash x − running mean of the queries and w − mean row. Queries behind a ReLU all point the same way,
            and share one bucket otherwise. The mean row is that of the last update of all rows.
        momentum: weight of the past in the running mean of the queries.
        shortlist: candidates a query whose exact scores `retrieve` computes; None: all.
        transform: hash transform.rows(weight, bias) and transform.queries(x), fitted at each update of all rows;
            `family.dim` is then D'. Centres, estimates and the policy know the transformed rows. None: hash both as
            they are.
    """

    def __init__(
        self,
        family: HashFamily,
        policy: UpdatePolicy,
        *,
        centre: bool = True,
        momentum: float = 0.95,
        shortlist: int | None = None,
        transform: Transform | None = None,
    ) -> None:
        self.shortlist, self.digests = shortlist, torch.empty(0, DIGEST, dtype=torch.int32)
        self.family, self.policy, self.centre, self.momentum = family, policy, centre, momentum
        self.transform = transform
        self.tables = HashTables(num_bits=family.num_bits, num_tables=family.num_tables)
        self.statistics = IndexStatistics()
        self.query_mean = torch.zeros(family.dim)
        self.row_mean = torch.zeros(family.dim)
        self._observed = False
        self._described = False  # around a mean of queries that were seen
        self._mined: tuple[Tensor, Tensor, Tensor, Tensor | None] | None = None
        policy.attach(self)

    def observe(self, x: Tensor) -> None:
        """Take a batch of queries [B, D] into their running mean."""
        if self.centre:
            mean = self._queries(x).mean(0)
            self.query_mean = torch.lerp(mean, self.query_mean, self.momentum) if self._observed else mean
            self._observed = True

    def query(self, x: Tensor, *, cap: int | None = None, generator: Generator | None = None) -> Candidates:
        """The rows that share a code with each query of [B, D], and those that the policy keeps aside.

        The other arguments are as in HashTables.query.
        """
        return self.with_aside(self.tables.query(self.query_codes(x), cap=cap, generator=generator))

    def with_aside(self, found: Candidates) -> Candidates:
        """What the tables found for each query, and the rows for which the policy says they are not to be trusted."""
        aside = self.policy.aside
        return found if aside is None else self._joined(found, aside.expand(len(found), -1))

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
            self._describe(self._rows(weight, bias)[:], Rows.ALL)
        hashed = self._queries(x)
        with trusted():  # the family's codes, of as many bits as the tables have
            found = self.tables.retrieve(
                *(x, weight, bias, self._codes_of(hashed)),
                keep=keep,
                shortlist=self.shortlist if short else None,
                digests=self.digests if short else None,
                radius=(hashed - self.query_mean).norm(dim=1).float() if short else None,
                cap=cap,
                generator=generator,
            )
        return self._best_with_aside(x, weight, bias, found, keep)

    def query_codes(self, x: Tensor) -> Tensor:
        """[B, D] queries → [B, L] codes, to look up in `tables`."""
        return self._codes_of(self._queries(x))

    def row_codes(self, rows: Tensor) -> Tensor:
        """Rows [m, D'], transformed → [m, L] codes, as an update would give them now."""
        return self.family.codes(rows, self.row_mean if self.centre else None)

    @property
    def table_codes(self) -> Tensor:
        """[N, L] int32, the codes under which the tables hold the rows."""
        return self.tables.codes

    def hyperplanes(self) -> tuple[Tensor, Tensor | None]:
        """Normals [D', L*K] of the planes that rows are hashed by, and the centre [D'] that they pass through or None.

        Raises:
            ValueError: the hash family has no planes.
        """
        planes = getattr(self.family, "planes", None)
        if not isinstance(planes, Tensor):
            raise ValueError(f"{type(self.family).__name__} has no hyperplanes; accepted: SimHash and its kin.")
        return planes.detach(), self.row_mean if self.centre else None

    @torch.no_grad()
    def rebuilt(self, weight: Tensor, bias: Tensor | None = None) -> "LSHIndex":
        """The same hash functions over the rows as they are now, in tables of its own that follow nothing."""
        transform = copy.deepcopy(self.transform)
        fresh = LSHIndex(self.family, Never(), centre=self.centre, shortlist=self.shortlist, transform=transform)
        fresh.tables = self.tables.unbuilt()
        fresh.query_mean, fresh._observed = self.query_mean, self._observed
        if transform is not None:
            transform.fit(weight, _given(bias))
        hashed = fresh._rows(weight, bias)[:]
        fresh.row_mean = hashed.mean(0) if self.centre else self.row_mean
        fresh._rehash(hashed, Rows.ALL)
        return fresh

    def learn_from(self, x: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> None:
        """Keep triplets for the next fit of a learnable family.

        Args:
            x: [m, D] queries. positive, negative: [m] row ids. other: [m, D] queries of the negatives; None: x.
        """
        self._mined = (x, positive, negative, other)

    def due(self, step: int, weight: Tensor, bias: Tensor | None = None) -> Rows | Tensor:
        """What `refresh` would bring up to date now; everything, if the tables are still to be built."""
        return self.policy.rows_to_update(step, self._rows(weight, bias)) if self.tables.built else Rows.ALL

    @torch.no_grad()
    def refresh(self, step: int, weight: Tensor, rows: Rows | Tensor, bias: Tensor | None = None) -> None:
        """Fit the hash functions if they can learn, re-hash `rows` (from `due`), move those whose code changed.

        All rows, where the hash functions learn or the tables are not built. bias: [N]; only a transform asks for it.
        """
        if rows is Rows.NONE:
            return
        learns = self._mined is not None and isinstance(self.family, LearnableHashFamily)
        rows = Rows.ALL if learns or not self.tables.built else rows
        if isinstance(rows, Rows) and self.transform is not None:
            self.transform.fit(weight, _given(bias))
        source = self._rows(weight, bias)
        hashed = source[:] if isinstance(rows, Rows) else source[rows]
        if isinstance(rows, Rows) and self.centre:
            self.row_mean = hashed.mean(0)
        if isinstance(rows, Rows):
            self._fit(source)
        self._rehash(hashed, rows)
        self._describe(hashed, rows)
        self.policy.updated(step, source, rows)
        self.statistics.updates += 1

    def _rows(self, weight: Tensor, bias: Tensor | None) -> RowSource:
        return weight if self.transform is None else TransformedRows(self.transform, weight, _given(bias))

    def _queries(self, x: Tensor) -> Tensor:
        return x if self.transform is None else self.transform.queries(x)

    def _codes_of(self, hashed: Tensor) -> Tensor:
        """Codes of queries [B, D'], transformed."""
        return self.family.query_codes(hashed, self.query_mean if self.centre else None)

    def _best_with_aside(self, x: Tensor, weight: Tensor, bias: Tensor, found: Candidates, keep: int) -> Candidates:
        """The `keep` best of what was found and of the rows aside, all of which are scored."""
        aside = self.policy.aside
        if aside is None:
            return found
        scanned = topk_rows.direct(x, weight[aside].to(x.dtype), bias[aside], min(keep, len(aside)))
        both = self._joined(found, aside[scanned])
        return Candidates(*rerank.direct(x, weight, bias, both.ids, both.offsets, keep))

    def _joined(self, found: Candidates, ids: Tensor) -> Candidates:
        """Sample by sample, what was found and a row of ids [B, m]."""
        sample = torch.arange(len(found), device=ids.device).repeat_interleave(ids.shape[1])
        return Candidates.from_pairs(
            torch.cat([found.samples, sample]), torch.cat([found.ids, ids.flatten()]), len(found)
        )

    def _fit(self, rows: RowSource) -> None:
        if isinstance(self.family, RowFittedHashFamily):
            self.family.fit_rows(rows[:], self.row_mean if self.centre else None)
        elif self._mined is not None and isinstance(self.family, LearnableHashFamily):
            x, positive, negative, other = self._mined
            queries = (self._queries(of) - self.query_mean for of in (x, other) if of is not None)
            shifted = [rows[ids] - self.row_mean for ids in (positive, negative)]
            self.family.fit(next(queries), *shifted, *queries)
            self._mined = None
        else:
            return
        self.statistics.fits += 1

    def _rehash(self, hashed: Tensor, rows: Rows | Tensor) -> None:
        codes = self.row_codes(hashed)
        self.statistics.rows_hashed += len(codes)
        if not self.tables.built:
            self.tables.build(codes)
            self.statistics.rows_moved += len(codes)
            return
        known = self.tables.codes if isinstance(rows, Rows) else self.tables.codes[rows]
        moved = changed_rows(codes, known)
        self.tables.update(moved if isinstance(rows, Rows) else rows[moved], codes[moved])
        self.statistics.rows_moved += len(moved)

    def _describe(self, hashed: Tensor, rows: Rows | Tensor) -> None:
        """Note what the shortlist's estimates need of these rows."""
        if self.shortlist is None:
            return
        about = (self.tables.num_bits, self.row_mean, self.query_mean)
        if isinstance(rows, Rows):
            self._described = self._observed or not self.centre
            self.digests = describe_rows(hashed, self.tables.codes, *about)
        else:
            self.digests[rows] = describe_rows(hashed, self.tables.codes[rows], *about)


def _given(bias: Tensor | None) -> Tensor:
    if bias is None:
        raise ValueError("no bias, but the rows are transformed before they are hashed; pass bias=[N].")
    return bias
