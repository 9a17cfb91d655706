"""Losses that learned hash functions are fitted with, and what keeps their bits balanced and apart.

All take projections, [m, L, K], in units in which a random plane's are about standard normal: those of m queries, of
the rows that each should share codes with (positives), and of m pairs of a query (`other`) and a row that should not
share codes (negatives). In triplets `other` is the anchor itself.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from mongoose.ops.pair_losses import bit_triplet, contrastive


@dataclass(frozen=True)
class PairLoss(ABC):
    """A loss of projections; smooth bits are tanh(scale·projection)."""

    scale: float = 1.0

    def relax(self, projection: Tensor) -> Tensor:
        """Smooth bits in (−1, 1), of the shape of the projections."""
        return torch.tanh(self.scale * projection)

    @abstractmethod
    def __call__(self, anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor) -> Tensor:
        """Scalar loss of projections, each [m, L, K]: of pairs (anchor, positive) and of pairs (other, negative)."""


@dataclass(frozen=True)
class BitTriplet(PairLoss):
    """max(0, agreement with the negative − agreement with the positive + margin), mean; agreement: of smooth bits.

    margin: in mean product of two smooth bits, −1 … 1.

    With `correlation` penalised about as good as `Contrastive`; without, bits become alike and buckets unequal.

    Source: MONGOOSE Eq. 3, with the smooth bits of the released TripletNet in the place of projections.
    """

    margin: float = 1.0

    def __call__(self, anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor) -> Tensor:
        return bit_triplet(anchor, positive, other, negative, self.scale, self.margin)


@dataclass(frozen=True)
class CosineTriplet(PairLoss):
    """max(0, d(anchor, positive) − d(other, negative) + margin), mean; d: one minus the cosine of all projections.

    No sign and no tanh: the planes learn to keep angles that matter, and the sign is taken when rows are hashed.

    Source: MONGOOSE Eq. 3; margin 1 as in the released Reformer half (`TripletLSHAttention`, alpha = 1.0).
    """

    margin: float = 1.0

    def __call__(self, anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor) -> Tensor:
        near = cosine_similarity(anchor.flatten(1), positive.flatten(1))
        far = cosine_similarity(other.flatten(1), negative.flatten(1))
        return torch.relu(far - near + self.margin).mean()


@dataclass(frozen=True)
class PairwiseCrossEntropy(PairLoss):
    """Binary cross-entropy of sigmoid(Σ_k tanh·tanh), table by table; label 1 for positive pairs, 0 for negative ones.

    Source: the released slide_lib/triplet_network.py, TripletNet (its weights are N(0, 1), its scale 1).
    """

    def __call__(self, anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor) -> Tensor:
        near = (self.relax(anchor) * self.relax(positive)).sum(2)
        far = (self.relax(other) * self.relax(negative)).sum(2)
        label = torch.cat([torch.ones_like(near), torch.zeros_like(far)])
        return binary_cross_entropy_with_logits(torch.cat([near, far]), label)


@dataclass(frozen=True)
class Contrastive(PairLoss):
    """−log of e^{βs(anchor, positive)} over the mean of e^{βs(anchor, row)}, table by table; over K.

    s is the agreement of a table's smooth bits, K − 2·(bits that differ) where they are hard, so that e^{βs} stands for
    the chance to share a code and its mean over rows for the candidates that a query gets: recall is weighed against
    their number. The rows are the first `contrasts` negatives of the batch, the same ones for every anchor: they stand
    for all rows if they were drawn uniformly, and for those that make tables full if they were retrieved. `other` is
    not looked at.

    Source: van den Oord et al. 2018 (InfoNCE), without the positive below the line (Yeh et al. 2022).
    """

    sharpness: float = 1.0  # β
    contrasts: int = 64

    def __call__(self, anchor: Tensor, positive: Tensor, other: Tensor, negative: Tensor) -> Tensor:
        return contrastive(anchor, positive, negative[: self.contrasts], self.scale, self.sharpness)


def imbalance(bits: Tensor) -> Tensor:
    """Mean square of the mean of each smooth bit, [m, L, K] → scalar; 0 where each is as often up as down."""
    return bits.mean(0).square().mean()


def correlation(bits: Tensor) -> Tensor:
    """Mean square of the products' means of two different bits of a table, [m, L, K] → scalar; 0 for K = 1.

    The entries of CᵀC/m − I off its diagonal, C: [m, K] the smooth bits of one table.
    """
    m, _, num_bits = bits.shape
    by_table = bits.transpose(0, 1)
    products = torch.bmm(by_table.transpose(1, 2), by_table) / m
    apart = products - torch.diag_embed(products.diagonal(dim1=1, dim2=2))
    return apart.square().sum((1, 2)).mean() / max(num_bits * (num_bits - 1), 1)
