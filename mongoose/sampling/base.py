"""Active sets, and what a sampler promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.index import LSHIndex
from mongoose.movable import Movable
from mongoose.ops.softmax import ragged_softmax_cross_entropy, shared_softmax_cross_entropy
from mongoose.ops.sparse_matmul import gather_rows, sampled_matmul
from mongoose.scheduling.base import Rows


class ActiveSet(ABC):
    """The classes that a training step computes; holds every true label of the batch."""

    @abstractmethod
    def cross_entropy(self, x: Tensor, weight: Tensor, bias: Tensor, labels: Candidates) -> Tensor:
        """Softmax cross-entropy over the active classes; gradients of `weight` and `bias` are row-sparse."""

    @abstractmethod
    def holds(self, sample: Tensor, ids: Tensor) -> Tensor:
        """Whether each sample's active set holds the ids; bool of the shape of `ids`."""

    @property
    @abstractmethod
    def rows(self) -> Tensor:
        """[U] int64, distinct and ascending: the classes in it, whose rows and no others have gradients."""

    @property
    @abstractmethod
    def size(self) -> float:
        """Active classes a sample, mean over the batch."""


@dataclass(frozen=True)
class SharedActiveSet(ActiveSet):
    """One active set for the whole batch: a small dense product a direction.

    ids: [U] int64, ascending, distinct. columns: the batch's labels, as positions in `ids`. log_inclusion: [U]
    log-probability that a class entered, or None: uncorrected.
    """

    ids: Tensor
    columns: Candidates
    log_inclusion: Tensor | None = None

    def cross_entropy(self, x: Tensor, weight: Tensor, bias: Tensor, labels: Candidates) -> Tensor:
        rows, shift = gather_rows(weight, self.ids), gather_rows(bias, self.ids)
        return shared_softmax_cross_entropy(x, rows, shift, self.columns, self.log_inclusion)

    def holds(self, sample: Tensor, ids: Tensor) -> Tensor:
        return torch.isin(ids, self.ids)

    @property
    def rows(self) -> Tensor:
        return self.ids

    @property
    def size(self) -> float:
        return float(self.ids.numel())


@dataclass(frozen=True)
class PerSampleActiveSet(ActiveSet):
    """An active set for each sample, as in SLIDE."""

    members: Candidates

    def cross_entropy(self, x: Tensor, weight: Tensor, bias: Tensor, labels: Candidates) -> Tensor:
        logits = sampled_matmul(x, weight, self.members.ids, self.members.offsets, bias)
        return ragged_softmax_cross_entropy(logits, self.members, labels)

    def holds(self, sample: Tensor, ids: Tensor) -> Tensor:
        return self.members.contains(sample, ids)

    @property
    def rows(self) -> Tensor:
        rows: Tensor = self.members.ids.unique()
        return rows

    @property
    def size(self) -> float:
        return self.members.ids.numel() / max(len(self.members), 1)


class Sampler(Movable, ABC):
    """Chooses the active set of a batch.

    index: of one that keeps tables. retrieved: what was retrieved for each sample of the last batch, by one that does.
    """

    index: LSHIndex | None = None
    retrieved: Candidates | None = None

    @abstractmethod
    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> ActiveSet:
        """The active set of a batch; every true label is in it.

        Args:
            x: [B, D] queries, detached. labels: B label sets. weight: [N, D]. bias: [N], both detached.
        """

    def mine(self, weight: Tensor, bias: Tensor) -> None:
        """Give the index triplets from the last batch, if its hash functions can learn from them."""

    def touched(self, active: ActiveSet) -> None:
        """Say that a training step has changed the rows of `active` and no others, before `refresh`.

        Of gradients summed over several batches, every batch's active set; otherwise rows are stale unnoticed.
        """
        if self.index is not None and self.index.policy.wants_touched:
            self.index.policy.touched(active.rows)

    def refresh(self, step: int, weight: Tensor, bias: Tensor) -> None:
        """Let the tables follow the weights after `step` training steps, where the index's policy says so.

        Hash functions learn where all rows are to be re-hashed: once they change, every code may.
        """
        if self.index is None:
            return
        rows = self.index.due(step, weight, bias)
        if rows is Rows.ALL:
            self.mine(weight, bias)
        self.index.refresh(step, weight, rows, bias)
