"""Random negatives, drawn from one fixed distribution over the classes and shared by the batch."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.inclusion import ByChance, log_inclusion
from mongoose.ops.inverse_cdf import inverse_cdf
from mongoose.ops.sets import distinct
from mongoose.ops.softmax import shared_softmax_cross_entropy
from mongoose.ops.sparse_matmul import gather_rows
from mongoose.sampling.base import Sampler, SharedActiveSet

Correction = Literal["none", "importance", "logq"]


class LogQActiveSet(SharedActiveSet):
    """A shared active set whose loss takes log_inclusion off every score, those of a sample's own labels included.

    Source: Bengio & Senécal 2008; TensorFlow's sampled_softmax_loss. Differs from TensorFlow: what is taken off is of
    entering by a draw, as a label of the batch or by retrieval; there other samples' labels are no negatives.
    """

    def cross_entropy(self, x: Tensor, weight: Tensor, bias: Tensor, labels: Candidates) -> Tensor:
        assert self.log_inclusion is not None
        rows, shift = gather_rows(weight, self.ids), gather_rows(bias, self.ids)
        return shared_softmax_cross_entropy(x, rows, shift - self.log_inclusion.to(shift.dtype), self.columns)


class RandomSampler(Sampler):
    """`num_samples` draws with replacement, and the labels of the batch.

    Args:
        probability: [N] probabilities of a draw; see `uniform`, `power_of_frequency` and `log_uniform`.
        num_samples: draws a batch.
        label_rate: [N] probability that a training point has the label, for the log-probability with which a class
            enters by a draw or as a label of some sample of the batch; corrections need it.
        correction: "none": the softmax runs over the active set as it is. "importance": −log_inclusion is added to a
            sample's negatives and not to its own labels, so that its partition function estimates the full one.
            "logq": to both. None: "importance" if there is a label_rate.
        generator: the source of the draws.
    """

    def __init__(
        self,
        probability: Tensor,
        num_samples: int,
        *,
        generator: Generator,
        label_rate: Tensor | None = None,
        correction: Correction | None = None,
    ) -> None:
        self.num_samples, self.generator = num_samples, generator
        self.cumulative = probability.double().cumsum(0)
        self.correction = correction or ("none" if label_rate is None else "importance")
        self.chance = None
        if self.correction not in get_args(Correction):
            raise ValueError(f"correction={correction!r}; accepted: {', '.join(map(repr, get_args(Correction)))}.")
        if self.correction != "none":
            if label_rate is None:
                raise ValueError(f"correction={correction!r} without label_rate; pass the rates, or take 'none'.")
            self.chance = ByChance(probability, num_samples, label_rate)

    def draw(self) -> Tensor:
        """[num_samples] int64 classes, with repeats."""
        where = self.generator.device
        uniform = torch.rand(self.num_samples, generator=self.generator, dtype=torch.float64, device=where)
        return inverse_cdf.direct(uniform.to(self.cumulative.device, non_blocking=True), self.cumulative)

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> SharedActiveSet:
        return self.share(labels)

    def share(
        self,
        labels: Candidates,
        retrieved: Tensor | None = None,
        log_missed: Callable[[Tensor], Tensor] | None = None,
    ) -> SharedActiveSet:
        """The labels, the draws, and the ids `retrieved` ([m] int64, may repeat).

        Args:
            log_missed: of [U] classes, the log-probability with which retrieval misses each. None: what was retrieved
                is in with probability 1, the rest as if there were no retrieval.
        """
        listed = [self.draw(), labels.ids] if retrieved is None else [self.draw(), labels.ids, retrieved]
        ids, position = distinct.direct(torch.cat(listed), len(self.cumulative))
        _, of_labels, of_retrieved = position.tensor_split([self.num_samples, self.num_samples + labels.ids.numel()])
        columns = Candidates(of_labels, labels.offsets)
        if self.chance is None:
            return SharedActiveSet(ids, columns)
        if log_missed is None:
            found = self.chance.log_inclusion(ids, len(labels)).index_fill(0, of_retrieved, 0.0)
        else:
            found = log_inclusion(self.chance.log_missed(ids, len(labels)) + log_missed(ids))
        return (LogQActiveSet if self.correction == "logq" else SharedActiveSet)(ids, columns, found)


def uniform(num_classes: int) -> Tensor:
    """[N] equal probabilities."""
    return torch.full((num_classes,), 1.0 / num_classes, dtype=torch.float64)


def power_of_frequency(counts: Tensor, exponent: float = 0.75, floor: float = 0.3) -> Tensor:
    """[N] probabilities ∝ max(count, floor)^exponent (Mikolov et al. 2013 for 0.75).

    The floor keeps classes without a training point in reach: never drawn, their scores would never fall.
    """
    weight = counts.double().clamp_min(floor) ** exponent
    return weight / weight.sum()


def log_uniform(counts: Tensor) -> Tensor:
    """[N] probabilities log((r + 2) / (r + 1)) / log(N + 1) of the class of rank r = 0, 1, … by count, nearly Zipf's.

    Of equal counts the lower class ranks first. Source: TensorFlow's log_uniform_candidate_sampler.
    """
    rank = torch.arange(len(counts), dtype=torch.float64, device=counts.device)
    probability = torch.empty_like(rank)
    probability[torch.argsort(counts, descending=True, stable=True)] = torch.log1p(1 / (rank + 1))
    return probability / math.log(len(counts) + 1)
