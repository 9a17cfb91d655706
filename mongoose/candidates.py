"""Candidates: a ragged set of ids per sample. The only form in which retrieved ids, and a batch's labels, travel."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mongoose.ops.sets import contains, group


@dataclass(frozen=True)
class Candidates:
    """Sample b holds `ids[offsets[b]:offsets[b + 1]]`, ascending and without repeats.

    ids: [nnz] int64. offsets: [B + 1] int64, offsets[0] = 0.
    """

    ids: Tensor
    offsets: Tensor

    @staticmethod
    def from_pairs(sample: Tensor, ids: Tensor, num_samples: int) -> "Candidates":
        """Gather (sample, id) pairs, in any order and with repeats, into sets.

        Args:
            sample: [nnz] int64 in [0, num_samples). ids: [nnz] int64 ≥ 0.
        """
        return Candidates(*group(sample, ids, num_samples))

    @staticmethod
    def from_rows(ids: Tensor) -> "Candidates":
        """A row of distinct ids a sample: [B, k] int64, in any order. An id below 0 stands for nothing."""
        num_samples, k = ids.shape
        return Candidates(ids.sort(1).values.flatten(), torch.arange(num_samples + 1, device=ids.device) * k)

    def __len__(self) -> int:
        """B, the number of samples."""
        return self.offsets.numel() - 1

    @property
    def counts(self) -> Tensor:
        """[B] int64, the number of ids of each sample."""
        return self.offsets.diff()

    @cached_property
    def samples(self) -> Tensor:
        """[nnz] int64, the sample that each id belongs to."""
        samples: Tensor = torch.repeat_interleave(self.counts)
        return samples

    def union(self, *others: "Candidates") -> "Candidates":
        """Sample by sample, the ids that any of the sets holds."""
        sets = (self, *others)
        return Candidates.from_pairs(torch.cat([s.samples for s in sets]), torch.cat([s.ids for s in sets]), len(self))

    def contains(self, sample: Tensor, ids: Tensor) -> Tensor:
        """Whether each (sample, id) pair is in the set; bool, of the shape of `ids` (`sample` broadcasts to it)."""
        pairs = sample.expand_as(ids).flatten(), ids.flatten()
        return contains(self.ids, self.offsets, *pairs).view_as(ids)
