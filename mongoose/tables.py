"""Hash tables over the rows of a weight matrix, kept true while some of the rows move."""

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.ops.buckets import Buckets, build_buckets, lookup_buckets

MERGE_FRACTION = 8  # the side tables are merged once they hold more than one row in eight; not tuned


class HashTables:
    """L tables of 2**K buckets over N items.

    Rows that moved since the last build live in small side tables, and are hidden in the main ones, so that an update
    costs in proportion to the rows that moved since then, not to N.
    After any sequence of updates a query equals brute-force comparison of codes, id for id.
    """

    codes: Tensor

    def __init__(self, *, num_bits: int, num_tables: int) -> None:
        self.num_bits = num_bits
        self.num_tables = num_tables
        self._main: Buckets | None = None

    @property
    def built(self) -> bool:
        """Whether the tables hold anything to query."""
        return self._main is not None

    def build(self, codes: Tensor) -> None:
        """Put every item in its buckets. codes: [N, L] int64 in [0, 2**K)."""
        self._check(codes)
        self.codes = codes.clone()
        self._main = build_buckets(codes, 2**self.num_bits)
        self._moved = torch.zeros(len(codes), dtype=torch.bool, device=codes.device)
        self._side: Buckets | None = None

    def update(self, ids: Tensor, codes: Tensor) -> None:
        """Move the items `ids` ([m] int64, distinct) to the buckets of `codes` ([m, L] int64)."""
        if not self.built:
            raise RuntimeError(
                "update() before build(): the tables are empty; call build(codes) with all N rows first."
            )
        self._check(codes)
        self.codes[ids] = codes
        self._moved[ids] = True
        self._moved_ids = self._moved.nonzero().squeeze(1)
        if len(self._moved_ids) * MERGE_FRACTION > len(self.codes):
            self.build(self.codes)
        elif len(self._moved_ids):
            self._side = build_buckets(self.codes[self._moved_ids], 2**self.num_bits)

    def query(
        self,
        codes: Tensor,
        *,
        tables: Tensor | None = None,
        cap: int | None = None,
        generator: Generator | None = None,
    ) -> Candidates:
        """For each query, the items that share its code in at least one table.

        Args:
            codes: [B, L] int64, the queries' codes.
            tables: [B, T] int64, the tables that each query visits; all, if None.
            cap: look at no more than this many items of a bucket, at a random run of them drawn from `generator`.
        """
        if self._main is None:
            raise RuntimeError("query() before build(): the tables are empty; call build(codes) first.")
        self._check(codes)
        tables = torch.arange(self.num_tables, device=codes.device).expand_as(codes) if tables is None else tables
        parts = [self._main] if self._side is None else [self._main, self._side]
        found = lookup_buckets(parts, codes.gather(1, tables), tables, cap=cap, generator=generator)
        sample, item = found[0]
        if self._side is not None:
            still = ~self._moved[item]
            sample = torch.cat([sample[still], found[1][0]])
            item = torch.cat([item[still], self._moved_ids[found[1][1]]])
        return Candidates.from_pairs(sample, item, len(codes))

    def _check(self, codes: Tensor) -> None:
        if codes.dim() != 2 or codes.shape[1] != self.num_tables:
            raise ValueError(f"codes of shape {tuple(codes.shape)}; expected [rows, num_tables={self.num_tables}].")
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < 2**self.num_bits:
            raise ValueError(f"codes outside 0 … {2**self.num_bits - 1} for num_bits={self.num_bits}.")
