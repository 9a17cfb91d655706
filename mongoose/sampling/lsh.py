"""Hard negatives found by LSH, shared by the batch and mixed with random ones."""

from functools import partial

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import LearnableHashFamily
from mongoose.inclusion import RetrievedProbability, retrieval_law
from mongoose.index import LSHIndex
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler


class LSHSampler(Sampler):
    """Each sample's best-scoring candidates, shared by the batch, with the batch's labels and random negatives.

    Bucket items are ranked by their score, estimated first if the index has a shortlist, and `keep` of them stay:
    collision counts rank them badly.

    Args:
        index: retrieves the candidates. bucket_cap: items looked at in one bucket; None: all. keep: candidates kept a
            sample; None: all, unranked. random: the other negatives.
        num_positives: positives a query when triplets are mined for a learnable family.
        generator: picks runs of full buckets, and triplets.
        retrieved_probability: how probable it was that the batch retrieves a class, where the random sampler corrects.
            "certain": 1 for those it did retrieve, and 0 for the others; a number: the same, assumed; "collision": the
            law of SimHash; "counted": as often as it did lately. See `mongoose.inclusion`.
        warm_up: batches before which only random negatives are used, and no tables are built.
        every: from then on, retrieve for one batch in so many.
    """

    def __init__(
        self,
        index: LSHIndex,
        *,
        bucket_cap: int | None,
        keep: int | None,
        random: RandomSampler,
        generator: Generator,
        num_positives: int = 10,
        retrieved_probability: RetrievedProbability = "certain",
        warm_up: int = 0,
        every: int = 1,
    ) -> None:
        if warm_up < 0 or every < 1:
            raise ValueError(f"warm_up={warm_up}, every={every}; batches ≥ 0 and ≥ 1 are accepted.")
        self.index: LSHIndex = index
        self.bucket_cap, self.keep, self.num_positives = bucket_cap, keep, num_positives
        self.random, self.generator = random, generator
        self.law = retrieval_law(retrieved_probability, index)
        self.warm_up, self.every, self.num_batches = warm_up, every, 0
        self._last: tuple[Tensor, Candidates] | None = None

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        self.index.observe(x)
        since_warm_up = self.num_batches - self.warm_up
        self.num_batches += 1
        if since_warm_up < 0 or since_warm_up % self.every:
            return self.random.share(labels)
        self._last = (x, labels)
        self.retrieved = self._retrieve(x, weight, bias)
        retrieved = self.retrieved.ids
        if self.law is None:
            return self.random.share(labels, retrieved)
        return self.random.share(
            labels, retrieved, partial(self.law.log_missed, retrieved=retrieved, x=x, weight=weight)
        )

    def _retrieve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Candidates:
        if self.keep is None:
            return self.index.query(x, cap=self.bucket_cap, generator=self.generator)
        return self.index.retrieve(x, weight, bias, keep=self.keep, cap=self.bucket_cap, generator=self.generator)

    def refresh(self, step: int, weight: Tensor, bias: Tensor) -> None:
        """As every sampler's, once the warm-up is over."""
        if step >= self.warm_up:
            super().refresh(step, weight, bias)

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
