"""How probable it is that a class enters a batch's active set: by a draw, as a label, because it was retrieved.

Laws give log-probabilities of being missed: those of independent ways in add up.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mongoose.hashing.law import AngularLaw
from mongoose.index import LSHIndex
from mongoose.movable import Movable

RetrievedProbability = Literal["certain", "collision", "counted"] | float


def log_inclusion(log_missed: Tensor) -> Tensor:
    """log(1 − exp(log_missed)), at least log 1e-12; float32."""
    return torch.log(-torch.expm1(log_missed).clamp_max(-1e-12)).float()


class ByChance(Movable):
    """Classes that are drawn, or are labels of the batch: missed with probability (1 − q)^S (1 − f)^B.

    Args:
        probability: [N] probabilities q of a draw. num_samples: S, independent draws.
        label_rate: [N] probabilities f that a training point has the label. The batch is taken as B independent points.
    """

    def __init__(self, probability: Tensor, num_samples: int, label_rate: Tensor) -> None:
        self._by_draws = num_samples * torch.log1p(-probability.double().clamp_max(1 - 1e-9))
        self._by_labels = torch.log1p(-label_rate.double().clamp_max(1 - 1e-9))
        self._batch_size, self._of_all = -1, self._by_labels  # a training run has one batch size

    def log_missed(self, ids: Tensor, batch_size: int) -> Tensor:
        """[U] float64, of the classes `ids`."""
        return self._by_draws[ids] + batch_size * self._by_labels[ids]

    def log_inclusion(self, ids: Tensor, batch_size: int) -> Tensor:
        """[U] float32, of the classes `ids`."""
        if batch_size != self._batch_size:
            self._of_all = log_inclusion(self._by_draws + batch_size * self._by_labels)
            self._batch_size = batch_size
        return self._of_all.index_select(0, ids)


class RetrievalLaw(Movable, ABC):
    """How probable it is that a batch's retrieval misses a class."""

    @abstractmethod
    def log_missed(self, ids: Tensor, retrieved: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        """[U] log-probability that no query of the batch retrieves each of the classes.

        Args:
            ids: [U] int64, the active classes, ascending and distinct. retrieved: [m] int64, those of them that were
                retrieved; may repeat.
            x: [B, D] queries. weight: [N, D].
        """


class Collision(RetrievalLaw):
    """The family's own law: a query finds a class with P = 1 − (1 − p)^L, p that of a shared code at their angle.

    SimHash's p is (1 − θ/π)^K. A batch misses the class with Π(1 − P).

    The probability is over the draw of the planes; θ is the angle of x and w as they are hashed, less their centres.
    An approximation in three ways: the queries of a batch share their tables, so that they do not miss independently;
    tables lag behind the weights; and a class that is found may still be dropped, by a full bucket, a shortlist or
    because only the best are kept, so that P is of being looked at.

    Raises:
        ValueError: the index hashes with a family that has no such law.

    Source: Charikar 2002; SLIDE §2.1.
    """

    def __init__(self, index: LSHIndex) -> None:
        if not isinstance(index.family, AngularLaw) or index.transform is not None:
            raise ValueError(
                f"retrieved_probability='collision' with {type(index.family).__name__}, transform={index.transform}; "
                "accepted: families whose collisions have a law of the angle, such as SimHash, and no transform. "
                "'certain', 'counted' and numbers go with any."
            )
        self.index, self.law = index, index.family

    def log_missed(self, ids: Tensor, retrieved: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        index, rows = self.index, weight[ids]
        if index.centre:
            x, rows = x - index.query_mean, rows - index.row_mean
        cosine = F.normalize(rows.double(), dim=1) @ F.normalize(x.double(), dim=1).t()
        code = self.law.at_angle(torch.acos(cosine.clamp(-1, 1)).flatten()).view_as(cosine)
        return index.family.num_tables * torch.log1p(-code).sum(1)


class Counted(RetrievalLaw):
    """How often retrieval has found the class: an exponential mean over the batches so far, this one included.

    The first batch's classes count as certain; one that is found in every batch stays so. Draws and labels are not
    counted, for their law is known: the estimate of a class that only chance brings in would never fall below
    1 − momentum.

    Args:
        momentum: weight of the past, a batch.
    """

    def __init__(self, momentum: float = 0.99) -> None:
        self.momentum, self.num_batches = momentum, 0
        self._mass, self._seen = torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.int64)

    def log_missed(self, ids: Tensor, retrieved: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        if not self.num_batches:
            self._mass = torch.zeros(len(weight), dtype=torch.float64, device=weight.device)
            self._seen = torch.zeros_like(self._mass, dtype=torch.int64)
        self.num_batches += 1
        self._mass[retrieved] = self._faded(retrieved) + 1 - self.momentum
        self._seen[retrieved] = self.num_batches
        rate = self._faded(ids) / (1 - self.momentum**self.num_batches)
        return torch.log1p(-rate.clamp_max(1))

    def _faded(self, ids: Tensor) -> Tensor:
        """What is left now of the masses, each as it was when its class was last found."""
        return self._mass[ids] * self.momentum ** (self.num_batches - self._seen[ids])


class Assumed(RetrievalLaw):
    """A class that was retrieved would have been with a probability that is given; the others as without retrieval.

    The less it is, the more a hard negative weighs: as 1/P of its kind, which stand for those that retrieval missed.

    Args:
        probability: P in (0, 1], one for all classes; or [N], one each.

    Raises:
        ValueError: a probability is not in (0, 1].
    """

    def __init__(self, probability: float | Tensor) -> None:
        self.probability = torch.as_tensor(probability, dtype=torch.float64)
        if not bool(((self.probability > 0) & (self.probability <= 1)).all()):
            raise ValueError(f"retrieved_probability={probability}; in (0, 1], or a name, is accepted.")

    def log_missed(self, ids: Tensor, retrieved: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        missed = torch.zeros(len(ids), dtype=torch.float64, device=ids.device)
        probability = self.probability[retrieved] if self.probability.dim() else self.probability
        missed[torch.searchsorted(ids, retrieved)] = torch.log1p(-probability)
        return missed


def retrieval_law(name: RetrievedProbability, index: LSHIndex) -> RetrievalLaw | None:
    """The law of this name, or the one that assumes this number; None for "certain", which needs none."""
    if name == "certain":
        return None
    if name == "collision":
        return Collision(index)
    if name == "counted":
        return Counted()
    if isinstance(name, float | int):
        return Assumed(float(name))
    raise ValueError(f"retrieved_probability={name!r}; accepted: 'certain', 'collision', 'counted', or a number.")
