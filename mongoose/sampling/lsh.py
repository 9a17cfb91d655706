"""Hard negatives found by LSH, shared by the batch and mixed with random ones."""

from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.base import LearnableHashFamily
from mongoose.index import LSHIndex
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.mining import Mining, Seen, StepMining
from mongoose.sampling.random import RandomSampler


class LSHSampler(Sampler):
    """Each sample's best-scoring candidates, shared by the batch, with the batch's labels and random negatives.

    Bucket items are ranked by their score, estimated first if the index has a shortlist, and `keep` of them stay:
    collision counts rank them badly.
    A class that was retrieved is in with probability 1; the others as the random sampler says.

    Args:
        index: retrieves the candidates. bucket_cap: items looked at in one bucket. keep: candidates kept a sample.
        random: the other negatives. generator: picks runs of full buckets.
        mining: finds triplets in the last batch for a family that can learn; None: `StepMining` on that generator.
    """

    def __init__(
        self,
        index: LSHIndex,
        *,
        bucket_cap: int,
        keep: int,
        random: RandomSampler,
        generator: Generator,
        mining: Mining | None = None,
    ) -> None:
        self.index: LSHIndex = index
        self.bucket_cap, self.keep = bucket_cap, keep
        self.random, self.generator = random, generator
        self.mining = StepMining(generator=generator) if mining is None else mining
        self._seen: Seen | None = None

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        self.index.observe(x)
        kept = self.index.retrieve(x, weight, bias, keep=self.keep, cap=self.bucket_cap, generator=self.generator)
        active = self.random.share(labels, kept.ids)
        self._seen = Seen(x, labels, active.ids)
        return active

    def mine(self, weight: Tensor, bias: Tensor) -> None:
        if self._seen is None or not isinstance(self.index.family, LearnableHashFamily):
            return
        retrieved = self.index.query(self._seen.x, cap=self.bucket_cap, generator=self.generator)
        triplets = self.mining.triplets(self._seen, retrieved, weight, bias)
        if len(triplets.positive):
            self.index.learn_from(*triplets)
