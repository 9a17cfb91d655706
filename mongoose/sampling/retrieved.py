"""Hard negatives found by any retriever, shared by the batch and mixed with random ones: LSHSampler without tables."""

from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.retrieval.base import Retriever
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler
from mongoose.scheduling.base import Rows, UpdatePolicy


class RetrievedSampler(Sampler):
    """Each sample's best classes, as the retriever finds them, with the batch's labels and random negatives.

    A class that was retrieved is in with probability 1; the others as the random sampler says.

    Args:
        retriever: finds the classes. policy: says when it takes in the rows anew. keep: classes a sample.
        random: the other negatives.
    """

    def __init__(self, retriever: Retriever, policy: UpdatePolicy, *, keep: int, random: RandomSampler) -> None:
        self.retriever, self.policy, self.keep, self.random = retriever, policy, keep, random

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        best = self.retriever.best(x, weight, bias, self.keep)
        self.retrieved = Candidates.from_rows(best)
        return self.random.share(labels, best[best >= 0])

    def refresh(self, step: int, weight: Tensor, bias: Tensor) -> None:
        """Step 0 builds; later the policy decides, for all rows at once."""
        if step == 0 or self.policy.rows_to_update(step, weight) is not Rows.NONE:
            self.retriever.build(weight, bias)
            self.policy.updated(step, weight)
