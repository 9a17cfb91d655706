"""SLIDE's active sets: one a sample, by vanilla sampling of the tables."""

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.index import LSHIndex
from mongoose.sampling.base import PerSampleActiveSet, Sampler


class SlideSampler(Sampler):
    """Tables in random order until a sample has `num_active` items, random classes up to that number, and its labels.

    Of a bucket at most `bucket_cap` items are seen, at random; SLIDE's buckets of that size drop the oldest.

    Source: SLIDE §3.1.2 (vanilla sampling), released main.cpp (random fill).
    """

    def __init__(self, index: LSHIndex, *, num_active: int, bucket_cap: int, generator: Generator) -> None:
        self.index: LSHIndex = index
        self.num_active, self.bucket_cap, self.generator = num_active, bucket_cap, generator

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> PerSampleActiveSet:
        self.index.observe(x)
        self.retrieved = retrieved = self._retrieve(x)
        return PerSampleActiveSet(labels.union(retrieved, self._fill(retrieved, len(weight))))

    def _retrieve(self, x: Tensor) -> Candidates:
        """Each query visits the tables in a random order of its own until it has `num_active` distinct items."""
        tables, codes = self.index.tables, self.index.query_codes(x)
        order = torch.rand(codes.shape, generator=self.generator).argsort(dim=1)
        found = tables.query(codes, tables=order, cap=self.bucket_cap, generator=self.generator, enough=self.num_active)
        return self.index.with_aside(found)

    def _fill(self, retrieved: Candidates, num_classes: int) -> Candidates:
        missing = (self.num_active - retrieved.counts).clamp_min(0)
        sample = torch.repeat_interleave(missing)
        ids = torch.randint(num_classes, (len(sample),), generator=self.generator)
        return Candidates.from_pairs(sample, ids, len(retrieved))
