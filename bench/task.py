"""A data set as a training task: tensors, batches, label statistics."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.metrics import inverse_propensity
from datasets.base import Part, Splits
from mongoose.candidates import Candidates
from mongoose.nn.xmc import SparseRows
from mongoose.ops.ragged import ranges


class Points:
    """A part of a data set whose batches are cut without leaving torch."""

    def __init__(self, part: Part) -> None:
        self.part = part
        features, labels = part.features, part.labels
        self._indices = torch.from_numpy(features.indices.astype(np.int64))
        self._values = torch.from_numpy(features.data.astype(np.float32))
        self._feature_offsets = torch.from_numpy(features.indptr.astype(np.int64))
        self._labels = torch.from_numpy(labels.indices.astype(np.int64))
        self._label_offsets = torch.from_numpy(labels.indptr.astype(np.int64))

    def __len__(self) -> int:
        return int(self.part.points)

    def batch(self, ids: Tensor) -> tuple[SparseRows, Candidates]:
        """Inputs and label sets of the points `ids` ([B] int64), in that order."""
        feature, offsets = _cut(self._feature_offsets, ids)
        label, label_offsets = _cut(self._label_offsets, ids)
        rows = SparseRows(self._indices[feature], self._values[feature], offsets)
        return rows, Candidates(self._labels[label], label_offsets)


def _cut(offsets: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the entries of the compressed rows `ids`, and the offsets of the rows among them."""
    start, length = offsets[ids], offsets[ids + 1] - offsets[ids]
    _, position = ranges.direct(start, length)
    return position, torch.cat([length.new_zeros(1), length.cumsum(0)])


@dataclass(frozen=True)
class Task:
    """What is learned: the three parts of a data set, the width of the hidden layer, and the set's propensity model."""

    name: str
    splits: Splits
    hidden: int = 128
    propensity: tuple[float, float] = (0.55, 1.5)

    @cached_property
    def train(self) -> Points:
        return Points(self.splits.train)

    @property
    def num_features(self) -> int:
        return int(self.splits.train.features.shape[1])

    @property
    def num_labels(self) -> int:
        return int(self.splits.train.labels.shape[1])

    @cached_property
    def label_counts(self) -> NDArray[np.int64]:
        """[N] training points of each label."""
        return np.bincount(self.splits.train.labels.indices, minlength=self.num_labels)

    @cached_property
    def inverse_propensity(self) -> NDArray[np.float64]:
        """[N], see `metrics.inverse_propensity`; estimated on the training part."""
        return inverse_propensity(self.label_counts, len(self.train), *self.propensity)


def curve_points(part: Part, limit: int) -> Part:
    """The points on which a curve is drawn: at most `limit`, the same ones in every run."""
    if part.points <= limit:
        return part
    return part.take(np.sort(np.random.RandomState(0).permutation(part.points)[:limit]))
