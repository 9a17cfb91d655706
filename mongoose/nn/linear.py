"""Output layers of huge softmaxes: nn.Linear with a loss of its own and exact top-k."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mongoose.candidates import Candidates
from mongoose.ops.softmax import softmax_cross_entropy
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import ActiveSet, Sampler


class SoftmaxLinear(nn.Linear, ABC):
    """nn.Linear(D, N), whose `forward` is dense and exact, plus a training loss and the best classes."""

    @abstractmethod
    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        """Mean multi-label softmax cross-entropy of queries x: [B, D] with B label sets; scalar."""

    def refresh(self, step: int) -> None:
        """Bring whatever retrieves classes up to date with the weights, after `step` training steps."""

    @torch.no_grad()
    def topk(self, x: Tensor, k: int) -> Tensor:
        """[B, k] int64, the classes of the k largest scores, best first; exact."""
        return topk_rows(x, self.weight, self.bias, k)


class FullSoftmaxLinear(SoftmaxLinear):
    """Softmax over all N classes: the dense baseline."""

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        return softmax_cross_entropy(self(x), labels)


class SampledLinear(SoftmaxLinear):
    """Softmax over the active set that a sampler chooses; gradients of weight and bias are row-sparse.

    Args:
        in_features: D. out_features: N. sampler: chooses active sets.

    After `loss`, `active` is the active set and `queries` the [B, D] queries of that batch, for whoever inspects them.
    """

    def __init__(self, in_features: int, out_features: int, *, sampler: Sampler) -> None:
        super().__init__(in_features, out_features)
        self.sampler = sampler
        self.active: ActiveSet | None = None
        self.queries: Tensor | None = None

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        self.queries = x.detach()
        self.active = self.sampler.sample(self.queries, labels, self.weight.detach(), self.bias.detach())
        return self.active.cross_entropy(x, self.weight, self.bias, labels)

    def refresh(self, step: int) -> None:
        self.sampler.refresh(step, self.weight.detach(), self.bias.detach())
