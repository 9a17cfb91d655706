"""Hard negatives found by LSH, shared by the batch and mixed with random ones."""

from collections.abc import Callable
from functools import partial

from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import LearnableHashFamily
from mongoose.inclusion import RetrievedProbability, retrieval_law
from mongoose.index import LSHIndex
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.mining import Mining, Seen, StepMining
from mongoose.sampling.random import RandomSampler


class LSHSampler(Sampler):
    """Each sample's best-scoring candidates, shared by the batch, with the batch's labels and random negatives.

    Bucket items are ranked by their score, estimated first if the index has a shortlist, and `keep` of them stay:
    collision counts rank them badly.

    Args:
        index: retrieves the candidates. bucket_cap: items looked at in one bucket; None: all. keep: candidates kept a
            sample; None: all, unranked. random: the other negatives.
        generator: picks runs of full buckets.
        mining: finds triplets in the last batch for a family that can learn; None: `StepMining` on that generator.
        retrieved_probability: how probable it was that the batch retrieves a class, where the random sampler corrects.
            "certain": 1 for those it did retrieve, and 0 for the others; a number: the same, assumed; "collision": the
            law of SimHash; "counted": as often as it did lately. See `mongoose.inclusion`.
        warm_up: batches before which only random negatives are used, and no tables are built.
        every: from then on, retrieve for the last of each so many batches.
    """

    def __init__(
        self,
        index: LSHIndex,
        *,
        bucket_cap: int | None,
        keep: int | None,
        random: RandomSampler,
        generator: Generator,
        mining: Mining | None = None,
        retrieved_probability: RetrievedProbability = "certain",
        warm_up: int = 0,
        every: int = 1,
    ) -> None:
        if warm_up < 0 or every < 1:
            raise ValueError(f"warm_up={warm_up}, every={every}; batches ≥ 0 and ≥ 1 are accepted.")
        self.index: LSHIndex = index
        self.bucket_cap, self.keep = bucket_cap, keep
        self.random, self.generator = random, generator
        self.law = retrieval_law(retrieved_probability, index)
        self.warm_up, self.every, self.num_batches = warm_up, every, 0
        self.mining = mining or StepMining(generator=generator)
        self._seen: Seen | None = None

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        self.index.observe(x)
        self.num_batches += 1
        since_warm_up = self.num_batches - self.warm_up
        if since_warm_up <= 0 or since_warm_up % self.every:
            self.retrieved = None
            return self.random.share(labels)
        self.retrieved = self._retrieve(x, weight, bias)
        active = self.random.share(labels, self.retrieved.ids, self._law_of(x, weight))
        self._seen = Seen(x, labels, active.ids)
        return active

    def _law_of(self, x: Tensor, weight: Tensor) -> Callable[[Tensor], Tensor] | None:
        """How probable it was to miss a class, if something else than the random sampler's own law says so."""
        if self.law is None or self.retrieved is None:
            return None
        return partial(self.law.log_missed, retrieved=self.retrieved.ids, x=x, weight=weight)

    def _retrieve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Candidates:
        if self.keep is None:
            return self.index.query(x, cap=self.bucket_cap, generator=self.generator)
        return self.index.retrieve(x, weight, bias, keep=self.keep, cap=self.bucket_cap, generator=self.generator)

    def refresh(self, step: int, weight: Tensor, bias: Tensor) -> None:
        """As every sampler's, once the warm-up is over."""
        if step >= self.warm_up:
            super().refresh(step, weight, bias)

    def mine(self, weight: Tensor, bias: Tensor) -> None:
        if self._seen is None or not isinstance(self.index.family, LearnableHashFamily):
            return
        retrieved = self.index.query(self._seen.x, cap=self.bucket_cap, generator=self.generator)
        triplets = self.mining.triplets(self._seen, retrieved, weight, bias)
        if len(triplets.positive):
            self.index.learn_from(*triplets)
