"""Rows and queries turned into vectors whose angle tells the score x·w + b, for families that hash by angle.

Queries and rows are transformed differently, so that the largest score becomes the smallest angle, or nearly.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mongoose.movable import Movable

ROUNDING = 1e-6  # by which a row's norm may differ from the one it was fitted with


class Transform(Movable, ABC):
    """What rows and queries are turned into before they are hashed.

    A row's transform depends on that row and on what `fit` noted alone.
    """

    @abstractmethod
    def dim(self, dim: int) -> int:
        """D', the width of what comes out, for rows and queries of width D."""

    def fit(self, weight: Tensor, bias: Tensor) -> None:
        """Note what must be known of all rows, [N, D] and [N]; for before all of them are hashed anew."""

    @abstractmethod
    def rows(self, weight: Tensor, bias: Tensor) -> Tensor:
        """[n, D] rows and their [n] biases, all rows or some of them → [n, D']."""

    @abstractmethod
    def queries(self, x: Tensor) -> Tensor:
        """[B, D] → [B, D']."""


class AppendBias(Transform):
    """Rows [w, b], queries [x, 1]: their inner product is the score. Angles are not its order where norms differ.

    Source: released MONGOOSE (network.py, lsh_softmax.py).
    """

    def dim(self, dim: int) -> int:
        return dim + 1

    def rows(self, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.cat([weight, bias.unsqueeze(1)], dim=1)

    def queries(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.new_ones(len(x), 1)], dim=1)


class NormAugment(Transform):
    """Unit rows [v/M, √(1 − |v|²/M²)] and unit queries [q/|q|, 0]: the angle is in the order of the score.

    v and q are [w, b] and [x, 1], or w and x alone; M is the largest |v| when all rows were fitted. cos = v·q/(M·|q|).
    A row that has outgrown M since is hashed as if its length were M: its direction is right, its order among shorter
    rows may not be. `clamped` tells how many of the rows that were last asked for it was.

    Args:
        bias: whether the score has the bias in it.

    Source: Neyshabur & Srebro 2015 (Simple-LSH). Not in the papers' code, which hashes [w, b] or w as it is.
    """

    def __init__(self, *, bias: bool = True) -> None:
        self.bias = bias
        self.largest: float | None = None  # M
        self.clamped = 0

    def dim(self, dim: int) -> int:
        return dim + 1 + self.bias

    def fit(self, weight: Tensor, bias: Tensor) -> None:
        self.largest = float(self._vectors(weight, bias).norm(dim=1).max()) if len(weight) else 0.0

    def rows(self, weight: Tensor, bias: Tensor) -> Tensor:
        """As every transform's. Where `fit` was never called, these rows are taken for all and fitted."""
        if self.largest is None:
            self.fit(weight, bias)
        assert self.largest is not None
        vectors = self._vectors(weight, bias)
        norms = vectors.norm(dim=1, keepdim=True)
        self.clamped = int((norms > self.largest * (1 + ROUNDING)).sum())
        vectors = vectors / norms.clamp_min(max(self.largest, torch.finfo(norms.dtype).tiny))
        return torch.cat([vectors, (1 - vectors.square().sum(1, keepdim=True)).clamp_min(0).sqrt()], dim=1)

    def queries(self, x: Tensor) -> Tensor:
        x = torch.cat([x, x.new_ones(len(x), 1)], dim=1) if self.bias else x
        return torch.cat([normalize(x), x.new_zeros(len(x), 1)], dim=1)

    def _vectors(self, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.cat([weight, bias.unsqueeze(1)], dim=1) if self.bias else weight
