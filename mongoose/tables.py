"""Hash tables over the rows of a weight matrix, kept true while some of the rows move."""

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.movable import Movable
from mongoose.native.arguments import require_within
from mongoose.ops.buckets import Buckets, build_buckets, lookup_buckets
from mongoose.ops.retrieve import retrieve

MERGE_FRACTION = 8  # the side tables are merged once they hold more than one row in eight; not tuned


class HashTables(Movable):
    """L tables of 2**K buckets over N items.

    Rows that moved since the last build live in small side tables, and are hidden in the main ones, so that an update
    costs in proportion to the rows that moved since then (and a scan of N flags), not to a build. The tables are built
    anew once one row in eight has moved, or once side tables have taken in N rows, repeats counted: as many as a build.
    After any sequence of updates a query equals brute-force comparison of codes, id for id.
    """

    codes: Tensor

    def __init__(self, *, num_bits: int, num_tables: int) -> None:
        self.num_bits = num_bits
        self.num_tables = num_tables
        self._main: Buckets | None = None

    def unbuilt(self) -> "HashTables":
        """Tables of the same kind, empty; what they draw, they draw from a copy of the generator."""
        return HashTables(num_bits=self.num_bits, num_tables=self.num_tables)

    @property
    def built(self) -> bool:
        """Whether the tables hold anything to query."""
        return self._main is not None

    def build(self, codes: Tensor) -> None:
        """Put every item in its buckets. codes: [N, L] int32 in [0, 2**K); the tables keep it and write to it."""
        self._check(codes)
        self.codes = codes
        self._main = Buckets(*build_buckets(codes, 2**self.num_bits))
        self._moved = torch.zeros(len(codes), dtype=torch.bool, device=codes.device)
        self._side: Buckets | None = None
        self._side_work = 0  # rows put into side tables since the build

    def update(self, ids: Tensor, codes: Tensor) -> None:
        """Move the items `ids` ([m] int64, distinct) to the buckets of `codes` ([m, L] int32)."""
        if not self.built:
            raise RuntimeError(
                "update() before build(): the tables are empty; call build(codes) with all N rows first."
            )
        self._check(codes)
        if not len(ids):
            return
        self.codes[ids] = codes
        self._moved[ids] = True
        moved = self._moved.nonzero().squeeze(1)
        self._side_work += len(moved)
        if len(moved) * MERGE_FRACTION > len(self.codes) or self._side_work > len(self.codes):
            self.build(self.codes)
        elif len(moved):
            items, offsets = build_buckets(self.codes[moved], 2**self.num_bits)
            self._side = Buckets(moved.int()[items], offsets)

    def query(
        self,
        codes: Tensor,
        *,
        tables: Tensor | None = None,
        cap: int | None = None,
        generator: Generator | None = None,
        min_count: int = 1,
        enough: int | None = None,
    ) -> Candidates:
        """For each query, the items that share its code in at least one table.

        Args:
            codes: [B, L] int32, the queries' codes.
            tables: [B, T] int64, the tables that each query visits, in that order; all, if None.
            cap: look at no more than this many items of a bucket, at a random run of them drawn from `generator`.
            min_count: the tables in which an item must share the code (a threshold on collisions).
            enough: a query visits no further table once it has so many distinct items; goes with min_count 1 only.
        """
        if self._main is None:
            raise RuntimeError("query() before build(): the tables are empty; call build(codes) first.")
        if enough is not None and min_count > 1:
            raise ValueError(f"enough={enough} with min_count={min_count}: to stop early, items are counted once.")
        if not 1 <= min_count <= 255:
            raise ValueError(f"min_count={min_count}; 1 … 255 tables are accepted.")
        _check_positive(cap=cap, enough=enough)
        self._check(codes)
        tables = torch.arange(self.num_tables, device=codes.device).expand(codes.shape) if tables is None else tables
        found = lookup_buckets.direct(
            codes.gather(1, tables),
            tables,
            *self._parts(),
            *self._window(tables, cap, generator),
            min_count,
            enough or 0,
        )
        return Candidates(*found)

    def retrieve(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        codes: Tensor,
        *,
        keep: int,
        shortlist: int | None = None,
        digests: Tensor | None = None,
        radius: Tensor | None = None,
        cap: int | None = None,
        generator: Generator | None = None,
    ) -> Candidates:
        """Of what `query` finds for each row of x: [B, D], the `keep` items with the largest scores x·w + b.

        Args:
            weight: [N, D]. bias: [N]. codes: [B, L] int32, those of x. cap, generator: as in `query`.
            shortlist: score only so many a query, those whose scores as estimated from `digests` [N, 4] and `radius`
                [B] are largest (see `ops.shortlist`); None: all.
        """
        if self._main is None:
            raise RuntimeError("retrieve() before build(): the tables are empty; call build(codes) first.")
        _check_positive(keep=keep, shortlist=shortlist, cap=cap)
        if shortlist is not None and digests is None:
            raise ValueError(f"shortlist={shortlist} without digests; pass what `describe_rows` gives, or None.")
        self._check(codes)
        found = retrieve.direct(
            x,
            weight,
            bias,
            codes,
            *self._parts(),
            *self._window(codes, cap, generator),
            keep,
            shortlist or 0,
            self.num_bits,
            digests if shortlist else None,
            radius if shortlist else None,
        )
        return Candidates(*found)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Main items and offsets, side items and offsets, and which items the side hides in the main tables."""
        assert self._main is not None
        if self._side is None:
            return (*self._main, None, None, None)
        return (*self._main, *self._side, self._moved)

    def _window(self, visits: Tensor, cap: int | None, generator: Generator | None) -> tuple[Tensor | None, int]:
        """Where the run that is seen of each bucket starts, as a share of the starts there are, and its length."""
        if cap is None:
            return None, 0
        source = visits.device if generator is None else generator.device
        start = torch.rand(visits.shape, generator=generator, device=source)
        return start.to(visits.device, non_blocking=True), cap

    def _check(self, codes: Tensor) -> None:
        if codes.dim() != 2 or codes.shape[1] != self.num_tables or codes.dtype is not torch.int32:
            raise ValueError(
                f"codes of shape {tuple(codes.shape)} and dtype {codes.dtype}; "
                f"expected [rows, num_tables={self.num_tables}] of torch.int32."
            )
        require_within("codes", codes, 0, 2**self.num_bits - 1)


def _check_positive(**limits: int | None) -> None:
    for name, limit in limits.items():
        if limit is not None and limit < 1:
            raise ValueError(f"{name}={limit}; a number ≥ 1 is accepted, or None for no limit.")
