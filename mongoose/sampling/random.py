"""Random negatives, drawn from one fixed distribution over the classes and shared by the batch."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.ops.inverse_cdf import inverse_cdf
from mongoose.ops.sets import distinct
from mongoose.sampling.base import Sampler, SharedActiveSet


class RandomSampler(Sampler):
    """`num_samples` draws with replacement, and the labels of the batch.

    Args:
        probability: [N] probabilities of a draw; see `uniform` and `power_of_frequency`.
        num_samples: draws a batch.
        label_rate: [N] probability that a training point has the label, for the log-probability with which a class
            enters by a draw or as a label of some sample of the batch. None: active sets carry no probabilities.
        generator: the source of the draws.
    """

    def __init__(
        self, probability: Tensor, num_samples: int, *, generator: Generator, label_rate: Tensor | None = None
    ) -> None:
        self.num_samples, self.generator = num_samples, generator
        self.cumulative = probability.double().cumsum(0)
        self.log_inclusion = None if label_rate is None else _log_inclusion(probability, num_samples, label_rate)

    def draw(self) -> Tensor:
        """[num_samples] int64 classes, with repeats."""
        uniform = torch.rand(self.num_samples, generator=self.generator, dtype=torch.float64)
        return inverse_cdf.direct(uniform, self.cumulative)

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        return self.share(labels)

    def share(self, labels: Candidates, certain: Tensor | None = None) -> SharedActiveSet:
        """The labels, the draws, and the ids `certain` ([m] int64), which are in with probability 1."""
        listed = [self.draw(), labels.ids] if certain is None else [self.draw(), labels.ids, certain]
        ids, position = distinct.direct(torch.cat(listed), len(self.cumulative))
        _, of_labels, of_certain = position.tensor_split([self.num_samples, self.num_samples + labels.ids.numel()])
        columns = Candidates(of_labels, labels.offsets)
        if self.log_inclusion is None:
            return SharedActiveSet(ids, columns)
        log_inclusion = self.log_inclusion(ids, len(labels)).index_fill(0, of_certain, 0.0)
        return SharedActiveSet(ids, columns, log_inclusion)


def uniform(num_classes: int) -> Tensor:
    """[N] equal probabilities."""
    return torch.full((num_classes,), 1.0 / num_classes, dtype=torch.float64)


def power_of_frequency(counts: Tensor, exponent: float = 0.75, floor: float = 0.3) -> Tensor:
    """[N] probabilities ∝ max(count, floor)^exponent (Mikolov et al. 2013 for 0.75).

    The floor keeps classes without a training point in reach: never drawn, their scores would never fall.
    """
    weight = counts.double().clamp_min(floor) ** exponent
    return weight / weight.sum()


def _log_inclusion(probability: Tensor, num_samples: int, label_rate: Tensor) -> Callable[[Tensor, int], Tensor]:
    """log P(class is in the active set) = log(1 − (1 − q)^S (1 − f)^B), by class and batch size."""
    log_missed_draws = num_samples * torch.log1p(-probability.double().clamp_max(1 - 1e-9))
    log_missed_label = torch.log1p(-label_rate.double().clamp_max(1 - 1e-9))

    @lru_cache(maxsize=1)  # a training run has one batch size
    def of_all(batch_size: int) -> Tensor:
        log_missed = log_missed_draws + batch_size * log_missed_label
        return torch.log(-torch.expm1(log_missed).clamp_max(-1e-12)).float()

    return lambda ids, batch_size: of_all(batch_size).index_select(0, ids)
