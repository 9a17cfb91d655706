"""Adaptive softmax: rare classes are scored in clusters, by ever narrower projections."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mongoose.candidates import Candidates
from mongoose.nn.linear import OutputLayer


class AdaptiveSoftmax(OutputLayer):
    """nn.AdaptiveLogSoftmaxWithLoss over classes ordered by their frequency; exact log-probabilities in `topk`.

    A sample with k labels is k (sample, label) pairs of weight 1/k: torch's module takes one class a row.

    Args:
        in_features: D. counts: [N] training points of each class. cutoffs: first ranks of the clusters, ascending,
            in 1 … N − 1. div_value: by how much each cluster's projection is narrower than the one before.

    Raises:
        ValueError: the last cluster's projection would have no dimension.

    Source: Grave et al. 2017. Differs from a full softmax: other probabilities (they factor over clusters), fewer
    parameters.
    """

    rank: Tensor
    by_frequency: Tensor

    def __init__(self, in_features: int, *, counts: Tensor, cutoffs: Sequence[int], div_value: float) -> None:
        super().__init__()
        if in_features // div_value ** len(cutoffs) < 1:
            raise ValueError(
                f"div_value={div_value:g} leaves cluster {len(cutoffs)} of {in_features} dimensions none; "
                "take fewer cutoffs or a smaller div_value."
            )
        self.in_features, self.out_features = in_features, len(counts)
        by_frequency = torch.argsort(counts, descending=True, stable=True)
        self.register_buffer("by_frequency", by_frequency, persistent=False)
        self.register_buffer("rank", torch.argsort(by_frequency), persistent=False)
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            in_features, self.out_features, list(cutoffs), div_value=div_value, head_bias=True
        )
        self.weight = self.softmax.head.weight

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        sample = labels.samples
        log_probability: Tensor = self.softmax(x[sample], self.rank[labels.ids]).output
        return -(log_probability / labels.counts[sample]).sum() / len(labels)

    @torch.no_grad()
    def topk(self, x: Tensor, k: int) -> Tensor:
        best: Tensor = self.softmax.log_prob(x).topk(k, dim=1).indices
        return self.by_frequency[best]


def cutoffs(num_classes: int, fractions: Sequence[float]) -> list[int]:
    """The ranks at these fractions of the classes; those that coincide or leave nothing on a side are dropped."""
    ranks = {round(fraction * num_classes) for fraction in fractions}
    return sorted(rank for rank in ranks if 0 < rank < num_classes)
