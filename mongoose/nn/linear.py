"""Output layers of huge softmaxes: nn.Linear with a loss of its own and exact top-k."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor, nn

from mongoose.candidates import Candidates
from mongoose.movable import moved
from mongoose.ops.softmax import softmax_cross_entropy
from mongoose.ops.sparse_matmul import sampled_matmul
from mongoose.ops.topk import topk_rows
from mongoose.optim import RowAdam, SecondMoment
from mongoose.sampling.base import ActiveSet, Sampler

BLOCK = 8192  # rows whose scores are held at once


class OutputLayer(nn.Module, ABC):
    """What a network asks of its last layer, whatever is inside.

    in_features: D. out_features: N, classes. weight: [rows, D], the largest matrix that meets the queries (monitors
    hash its rows). row_sparse: whether the gradients of its parameters store rows only.
    """

    row_sparse: ClassVar[bool] = False
    in_features: int
    out_features: int
    weight: Tensor

    @abstractmethod
    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        """Mean multi-label softmax cross-entropy of queries x: [B, D] with B label sets; scalar."""

    @abstractmethod
    def topk(self, x: Tensor, k: int) -> Tensor:
        """[B, k] int64, the classes of the k largest scores, best first; exact."""

    def full_loss(self, x: Tensor, labels: Candidates) -> float:
        """The exact loss over all classes; NaN for a layer that has no scores of all classes."""
        return float("nan")

    @property
    def active_size(self) -> float:
        """Classes computed a sample in the last batch."""
        return float(self.out_features)

    def refresh(self, step: int) -> None:
        """Bring whatever retrieves classes up to date with the weights, after `step` training steps."""

    def initialise(self, generator: Generator) -> None:
        """First weights: matrices normal with standard deviation 0.05, vectors 0."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.05, generator=generator)
            else:
                nn.init.zeros_(parameter)

    def optimizers(
        self, dense: list[Tensor], row_sparse: list[Tensor], lr: float, second_moment: SecondMoment
    ) -> list[torch.optim.Optimizer]:
        """Adam for all parameters of the network, by the kind of their gradients; a layer may bring its own."""
        by_rows: dict[str, Any] = {"params": row_sparse, "second_moment": second_moment}
        if self.row_sparse:
            return [RowAdam([by_rows, {"params": dense}], lr=lr)]
        return [RowAdam([by_rows], lr=lr), torch.optim.Adam(dense, lr=lr, fused=True)]


class SoftmaxLinear(nn.Linear, OutputLayer):
    """nn.Linear(D, N), whose `forward` is dense and exact, plus a training loss and the best classes."""

    @torch.no_grad()
    def topk(self, x: Tensor, k: int) -> Tensor:
        return topk_rows(x, self.weight, self.bias, k)

    @torch.no_grad()
    def full_loss(self, x: Tensor, labels: Candidates) -> float:
        """As in `OutputLayer`; never holds more than 8,192 scores a query."""
        log_partition = x.new_full((len(x),), -torch.inf)
        for rows, shift in zip(self.weight.split(BLOCK), self.bias.split(BLOCK), strict=True):
            log_partition = torch.logaddexp(log_partition, torch.addmm(shift, x, rows.t()).logsumexp(1))
        own = sampled_matmul(x, self.weight, labels.ids, labels.offsets, self.bias)
        share = 1 / labels.counts[labels.samples]
        return float(((log_partition[labels.samples] - own) * share).sum() / len(labels))


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

    row_sparse = True

    def __init__(self, in_features: int, out_features: int, *, sampler: Sampler) -> None:
        super().__init__(in_features, out_features)
        self.sampler = sampler
        self.active: ActiveSet | None = None
        self.queries: Tensor | None = None

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        state = self.sampler, self.active, self.queries
        self.sampler, self.active, self.queries = moved(state, self.weight.device)
        return self

    @property
    def active_size(self) -> float:
        return float("nan") if self.active is None else self.active.size

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        self.queries = x.detach()
        self.active = self.sampler.sample(self.queries, labels, self.weight.detach(), self.bias.detach())
        return self.active.cross_entropy(x, self.weight, self.bias, labels)

    def refresh(self, step: int) -> None:
        if self.active is not None:
            self.sampler.touched(self.active)
        self.sampler.refresh(step, self.weight.detach(), self.bias.detach())
