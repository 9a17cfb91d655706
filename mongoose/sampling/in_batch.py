"""In-batch negatives: nothing is drawn."""

import torch
from torch import Generator, Tensor

from mongoose.sampling.random import Correction, RandomSampler, uniform


class InBatchSampler(RandomSampler):
    """The labels of the batch are each other's negatives, so that a class is one as often as it is a label.

    A class is in with probability 1 − (1 − f)^B, f its label rate, B the batch. Those that are never a label stay as
    they started.

    Args:
        num_classes: N. label_rate, correction: as RandomSampler's.

    Source: Yi et al. 2019, where all logits are corrected ("logq").
    """

    def __init__(
        self, num_classes: int, *, label_rate: Tensor | None = None, correction: Correction | None = None
    ) -> None:
        super().__init__(uniform(num_classes), 0, generator=Generator(), label_rate=label_rate, correction=correction)

    def draw(self) -> Tensor:
        return torch.empty(0, dtype=torch.int64, device=self.cumulative.device)
