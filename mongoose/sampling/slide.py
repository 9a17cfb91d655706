"""SLIDE's active sets: one a sample, from the tables by one of several strategies, with random fill."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.index import LSHIndex
from mongoose.ops.rerank import best_of_each
from mongoose.sampling.base import PerSampleActiveSet, Sampler
from mongoose.tables import HashTables


class Strategy(ABC):
    """Which of the items that share a query's buckets become its candidates."""

    @abstractmethod
    def candidates(self, tables: HashTables, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
        """The candidates of queries with these codes: [B, L].

        Args:
            cap: see no more than this many items of a bucket. generator: the source of runs, orders and broken ties.
        """


@dataclass(frozen=True)
class Vanilla(Strategy):
    """Tables in a random order of the query's own, until it has `num_active` distinct items.

    Source: SLIDE §3.1.2, vanilla sampling: the one of its experiments.
    """

    num_active: int

    def candidates(self, tables: HashTables, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
        order = torch.rand(codes.shape, generator=generator, device=generator.device).argsort(dim=1)
        order = order.to(codes.device, non_blocking=True)
        return tables.query(codes, tables=order, cap=cap, generator=generator, enough=self.num_active)


@dataclass(frozen=True)
class TopK(Strategy):
    """The `num_active` items that were seen in the most tables, ties broken at random.

    Source: SLIDE §3.1.2, top-K sampling.
    """

    num_active: int

    def candidates(self, tables: HashTables, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
        num_items = len(tables.codes)
        seen = [_of_table(tables, table, codes, cap, generator) for table in range(tables.num_tables)]
        pairs, counts = torch.cat([found.samples * num_items + found.ids for found in seen]).unique(return_counts=True)
        offsets = torch.searchsorted(pairs, num_items * torch.arange(len(codes) + 1, device=pairs.device))
        ties = torch.rand(len(pairs), generator=generator, dtype=torch.float64, device=generator.device)
        scores = counts + ties.to(pairs.device, non_blocking=True)
        return Candidates(*best_of_each.direct(scores, pairs % num_items, offsets, self.num_active))


@dataclass(frozen=True)
class HardThreshold(Strategy):
    """The items that were seen in at least `min_tables` tables.

    Source: SLIDE §3.1.2, hard thresholding; released Mode 1 is HardThreshold(3), more than THRESH = 2 tables.
    """

    min_tables: int

    def candidates(self, tables: HashTables, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
        return tables.query(codes, cap=cap, generator=generator, min_count=self.min_tables)


@dataclass(frozen=True)
class Union(Strategy):
    """All items of all tables.

    Source: released Mode 4, "sampling".
    """

    def candidates(self, tables: HashTables, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
        return tables.query(codes, cap=cap, generator=generator)


class SlideSampler(Sampler):
    """What the strategy finds for a sample, random classes where that is less than `fill`, and the sample's labels.

    Args:
        index: its tables say how buckets that are full are seen. strategy: chooses among their items.
        fill: random classes are drawn up to this number; 0: none. They may repeat each other or the candidates, so
            that a set may be a few short. With 1,000 it is the fill of the released Mode 4, which asks whether there
            are fewer than 1,500 candidates, and then adds none from 1,000 on; there labels count among them, and the
            classes are a run of one fixed permutation.
        bucket_cap: items seen in one bucket; None: all. generator: the source of all choices.

    Source: SLIDE §3.1.2; released Layer.cpp (random fill).
    """

    def __init__(
        self, index: LSHIndex, *, strategy: Strategy, fill: int, bucket_cap: int | None, generator: Generator
    ) -> None:
        self.index: LSHIndex = index
        self.strategy, self.fill, self.bucket_cap, self.generator = strategy, fill, bucket_cap, generator

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> PerSampleActiveSet:
        self.index.observe(x)
        codes = self.index.query_codes(x)
        found = self.strategy.candidates(self.index.tables, codes, self.bucket_cap, self.generator)
        self.retrieved = retrieved = self.index.with_aside(found)
        return PerSampleActiveSet(labels.union(retrieved, self._random(retrieved, len(weight))))

    def _random(self, retrieved: Candidates, num_classes: int) -> Candidates:
        missing = (self.fill - retrieved.counts).clamp_min(0)
        sample = torch.repeat_interleave(missing)
        ids = torch.randint(num_classes, (len(sample),), generator=self.generator, device=self.generator.device)
        return Candidates.from_pairs(sample, ids.to(sample.device, non_blocking=True), len(retrieved))


def _of_table(tables: HashTables, table: int, codes: Tensor, cap: int | None, generator: Generator) -> Candidates:
    """What one table has for each query."""
    visited = torch.full((len(codes), 1), table, device=codes.device)
    return tables.query(codes, tables=visited, cap=cap, generator=generator)
