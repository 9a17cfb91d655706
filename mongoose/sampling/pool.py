"""Hard negatives without tables: of a large random pool, each sample's best, shared by the batch."""

from functools import partial

import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.inclusion import RetrievalLaw
from mongoose.ops.sets import distinct
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler


class PoolSampler(Sampler):
    """Score a pool that is drawn for the batch, keep each sample's best, and add random negatives and the labels.

    Args:
        pool: draws the pool. keep: classes a sample. random: the other negatives.
        law: how probable it was that a class which was kept would be, where the random sampler corrects. Which of the
            pool's classes are kept is not modelled: with the law of its draws the hard ones weigh more than in an
            unbiased estimate.
        every: score a pool for the last of each so many batches; the others have random negatives alone.
    """

    def __init__(
        self, pool: RandomSampler, *, keep: int, random: RandomSampler, law: RetrievalLaw, every: int = 1
    ) -> None:
        if every < 1:
            raise ValueError(f"every={every}; batches ≥ 1 are accepted.")
        self.pool, self.keep, self.random, self.law = pool, keep, random, law
        self.every, self.num_batches = every, 0

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        self.num_batches += 1
        if self.num_batches % self.every:
            self.retrieved = None
            return self.random.share(labels)
        pool, _ = distinct.direct(self.pool.draw(), len(weight))
        best = pool[topk_rows.direct(x, weight[pool], bias[pool], min(self.keep, len(pool)))]
        self.retrieved, kept = Candidates.from_rows(best), torch.unique(best)
        missed = partial(self.law.log_missed, retrieved=kept, x=x, weight=weight)
        return self.random.share(labels, kept, missed)
