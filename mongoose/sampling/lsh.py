"""Hard negatives found by LSH, shared by the batch and mixed with random ones."""

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import LearnableHashFamily
from mongoose.index import LSHIndex
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler


class LSHSampler(Sampler):
    """Each sample's best-scoring candidates, shared by the batch, with the batch's labels and random negatives.

    Bucket items are ranked by their score, estimated first if the index has a shortlist, and `keep` of them stay:
    collision counts rank them badly.
    A class that was retrieved is in with probability 1; the others as the random sampler says.

    Args:
        index: retrieves the candidates. bucket_cap: items looked at in one bucket. keep: candidates kept a sample.
        random: the other negatives. num_positives: positives a query when triplets are mined for a learnable family.
        generator: picks runs of full buckets, and triplets.
    """

    def __init__(
        self,
        index: LSHIndex,
        *,
        bucket_cap: int,
        keep: int,
        random: RandomSampler,
        generator: Generator,
        num_positives: int = 10,
    ) -> None:
        self.index: LSHIndex = index
        self.bucket_cap, self.keep, self.num_positives = bucket_cap, keep, num_positives
        self.random, self.generator = random, generator
        self._last: tuple[Tensor, Candidates] | None = None

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        self.index.observe(x)
        self._last = (x, labels)
        kept = self.index.retrieve(x, weight, bias, keep=self.keep, cap=self.bucket_cap, generator=self.generator)
        self.retrieved = kept
        return self.random.share(labels, kept.ids)

    def mine(self, weight: Tensor, bias: Tensor) -> None:
        """Triplets from the last batch, for a family that can learn.

        Positives are the true labels and the classes of the largest scores. Negatives are drawn from the classes that
        were retrieved for the query and 64 uniform ones, without its positives.
        """
        if self._last is None or not isinstance(self.index.family, LearnableHashFamily):
            return
        x, labels = self._last
        candidates = self.index.query(x, cap=self.bucket_cap, generator=self.generator)
        best = topk_rows(x, weight, bias, min(self.num_positives, len(weight)))
        positives = labels.union(from_matrix(best))
        negatives = candidates.union(from_matrix(self._uniform(len(x), weight)))
        triplets = self._pair(x, positives, negatives)
        if len(triplets[0]):
            self.index.learn_from(*triplets)

    def _uniform(self, num_queries: int, weight: Tensor) -> Tensor:
        return torch.randint(len(weight), (num_queries, 64), generator=self.generator)

    def _pair(self, x: Tensor, positives: Candidates, negatives: Candidates) -> tuple[Tensor, Tensor, Tensor]:
        """For every positive of every query, four negatives of that query that are not among its positives."""
        sample = positives.samples.repeat(4)
        pick = torch.rand(len(sample), generator=self.generator) * negatives.counts[sample]
        negative = negatives.ids[negatives.offsets[sample] + pick.long()]
        fair = ~positives.contains(sample, negative)
        return x[sample[fair]], positives.ids.repeat(4)[fair], negative[fair]


def from_matrix(ids: Tensor) -> Candidates:
    """[B, k] ids, a row a sample, as sets."""
    num_samples, k = ids.shape
    return Candidates.from_pairs(torch.arange(num_samples).repeat_interleave(k), ids.flatten(), num_samples)
