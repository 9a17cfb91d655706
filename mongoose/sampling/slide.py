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
        retrieved = self._retrieve(x, len(weight))
        return PerSampleActiveSet(labels.union(retrieved, self._fill(retrieved, len(weight))))

    def _retrieve(self, x: Tensor, num_classes: int) -> Candidates:
        """Each query visits the tables in a random order of its own until it has `num_active` distinct items."""
        tables, codes = self.index.tables, self.index.query_codes(x)
        order = torch.rand(codes.shape, generator=self.generator).argsort(dim=1)
        seen = torch.zeros(len(x), num_classes, dtype=torch.bool)
        counts = torch.zeros(len(x), dtype=torch.int64)
        for visit in range(tables.num_tables):
            hungry = (counts < self.num_active).nonzero().squeeze(1)
            if not len(hungry):
                break
            here = order[hungry, visit : visit + 1]
            found = tables.query(codes[hungry], tables=here, cap=self.bucket_cap, generator=self.generator)
            sample, item = hungry[found.samples], found.ids
            counts += torch.bincount(sample[~seen[sample, item]], minlength=len(x))
            seen[sample, item] = True
        sample, item = seen.nonzero().unbind(1)
        return Candidates.from_pairs(sample, item, len(x))

    def _fill(self, retrieved: Candidates, num_classes: int) -> Candidates:
        missing = (self.num_active - retrieved.counts).clamp_min(0)
        sample = torch.repeat_interleave(missing)
        ids = torch.randint(num_classes, (len(sample),), generator=self.generator)
        return Candidates.from_pairs(sample, ids, len(retrieved))
