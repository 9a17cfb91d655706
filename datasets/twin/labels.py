"""Labels with kin: a point has one of its own choice, others of the same leaf and branch of a tree, and a few more.

Every label has a training point, as the papers' sets are split. Of what is true of a point some may not be told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets.twin.laws import ask_for, distinct, zipf_mandelbrot

LEAF = 64  # labels
BRANCH = 16 * LEAF
BLOCK = 16_384  # points drawn at once
ROUNDS = 8  # of drawing again what a point has already
SPREAD = 1.2  # of the negative binomial number of further labels; smaller is more uneven


@dataclass(frozen=True)
class Missing:
    """Labels that are true and not told, as people forget to tag: rare ones most.

    A label is told of a point with probability min(1, c·p). p is the propensity of Jain et al. (2016, §5),
    1 / (1 + C·(n + b)^−a), C = (log N − 1)(b + 1)^a; c is such that `share` of what is true is told. Without it, c = 1,
    nine in ten of the rare labels would be missing, and no classifier could score what the real sets allow.
    """

    a: float
    b: float
    share: float = 0.5

    def told(self, frequency: NDArray[np.float64], points: int) -> NDArray[np.float64]:
        """[labels] probabilities; `frequency`: of each label among the labels of `points` points, expected."""
        c = (np.log(points) - 1) * (self.b + 1) ** self.a
        propensity = 1 / (1 + c * (np.minimum(frequency, points) + self.b) ** -self.a)
        weight = frequency / frequency.sum()
        low, high = 0.0, 1 / float(propensity.min())
        for _ in range(100):  # halvings; scipy.optimize takes a fifth of a second to import
            scale = (low + high) / 2
            told = np.minimum(1, scale * propensity)
            low, high = (scale, high) if weight @ told < self.share else (low, scale)
        return np.asarray(told)


@dataclass(frozen=True)
class Tree:
    """Labels in leaves of 64 and branches of 16 leaves; frequent ones lie anywhere in it.

    Attributes:
        cumulative: [labels + 1] of the labels' frequencies, from 0 to 1.
        kin: shares of further labels that are of the first one's leaf, and of its branch; the rest are of anywhere.
    """

    cumulative: NDArray[np.float64]
    kin: tuple[float, float]

    @classmethod
    def of(cls, labels: int, exponent: float, shift: float, kin: tuple[float, float], generator: RandomState) -> "Tree":
        share = zipf_mandelbrot(labels, exponent, shift)[generator.permutation(labels)]
        return cls(np.concatenate([[0.0], np.cumsum(share)]), kin)

    @property
    def labels(self) -> int:
        return len(self.cumulative) - 1

    def within(self, low: NDArray[np.int64], high: NDArray[np.int64], generator: RandomState) -> NDArray[np.int64]:
        """A label of each range [low, high), by frequency."""
        high = np.minimum(high, self.labels)
        start, stop = self.cumulative[low], self.cumulative[high]
        found = (
            np.searchsorted(self.cumulative, start + generator.random_sample(len(low)) * (stop - start), side="right")
            - 1
        )
        return np.clip(found, low, high - 1)

    def first(self, points: int, generator: RandomState) -> NDArray[np.int64]:
        """[points] labels of anywhere."""
        none = np.zeros(points, np.int64)
        return self.within(none, none + self.labels, generator)

    def further(self, first: NDArray[np.int64], generator: RandomState) -> NDArray[np.int64]:
        """A label for each of `first`, mostly kin."""
        kind = np.searchsorted(np.cumsum(self.kin), generator.random_sample(len(first)), side="right")
        size = np.array([LEAF, BRANCH, self.labels])[kind]
        low = first // size * size
        return self.within(low, low + size, generator)


@dataclass(frozen=True)
class Drawn:
    """Labels of points. first: [points] whose topic a point has. true, told: [points, labels] of ones, told ⊆ true."""

    first: NDArray[np.int64]
    true: csr_matrix
    told: csr_matrix


def draw(
    tree: Tree, points: int, train: NDArray[np.int64], mean: float, missing: Missing | None, generator: RandomState
) -> Drawn:
    """About `mean` labels told a point; each label is told of one of the points `train` at least."""
    expected = np.diff(tree.cumulative) * len(train) * mean
    probability = np.ones(tree.labels) if missing is None else missing.told(expected / missing.share, len(train))
    added = float(np.exp(-expected).sum()) / points  # labels that come with `_covered`
    most = max(mean - added, 1.0)
    asked = ask_for(most, lambda ask: _some(tree, min(points, BLOCK), ask, probability, generator).told)
    starts = range(0, points, BLOCK)
    blocks = [_some(tree, min(BLOCK, points - start), asked, probability, generator) for start in starts]
    first = np.concatenate([block.first for block in blocks])
    true, told = (_joined([getattr(block, name) for block in blocks]) for name in ("true", "told"))
    return _covered(Drawn(first, true, told), train, generator)


def _some(tree: Tree, points: int, mean: float, probability: NDArray[np.float64], generator: RandomState) -> Drawn:
    """Points of `mean` true labels, or fewer where eight rounds do not find as many; told ones by `probability`."""
    first = tree.first(points, generator)
    more = max(mean - 1, 1e-9)
    wanted = 1 + generator.negative_binomial(SPREAD, SPREAD / (SPREAD + more), points)
    keys = np.arange(points) * tree.labels + first
    for _ in range(ROUNDS):
        lacking = np.maximum(wanted - np.bincount(keys // tree.labels, minlength=points), 0)
        point = np.repeat(np.arange(points), lacking)
        keys = distinct(np.concatenate([keys, point * tree.labels + tree.further(first[point], generator)]))
    return Drawn(first, _ones(keys, points, tree.labels), _told(keys, first, probability, generator))


def _told(
    keys: NDArray[np.int64], first: NDArray[np.int64], probability: NDArray[np.float64], generator: RandomState
) -> csr_matrix:
    """What is told of each point: at least its first label."""
    points, labels = len(first), len(probability)
    kept = keys[generator.random_sample(len(keys)) < probability[keys % labels]]
    silent = np.flatnonzero(np.bincount(kept // labels, minlength=points) == 0)
    return _ones(np.sort(np.concatenate([kept, silent * labels + first[silent]])), points, labels)


def _covered(drawn: Drawn, train: NDArray[np.int64], generator: RandomState) -> Drawn:
    """Tell every label of one of the points `train`: where it is true, or else of one of its leaf, where it becomes "
    "so."""
    points, labels = drawn.told.shape
    known = np.bincount(drawn.told[train].indices, minlength=labels)
    unknown = np.flatnonzero(known == 0)
    label, point = _true_points(drawn.true[train], known == 0, generator)
    rest = np.setdiff1d(unknown, label, assume_unique=True)
    row = np.concatenate([train[point], train[_of_leaves(rest // LEAF, drawn.first[train], generator)]])
    added = _ones(np.sort(row * labels + np.concatenate([label, rest])), points, labels)
    return Drawn(drawn.first, _either(drawn.true, added), _either(drawn.told, added))


def _true_points(
    true: csr_matrix, wanted: NDArray[np.bool_], generator: RandomState
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each wanted label that is true of some point, the label and one of its points."""
    row = np.repeat(np.arange(true.shape[0]), np.diff(true.indptr))
    entries = generator.permutation(np.flatnonzero(wanted[true.indices]))
    label, first = np.unique(true.indices[entries], return_index=True)
    return label.astype(np.int64), row[entries[first]]


def _of_leaves(leaves: NDArray[np.int64], first: NDArray[np.int64], generator: RandomState) -> NDArray[np.int64]:
    """A point of each leaf; where there is none, any point."""
    order = np.argsort(first // LEAF, kind="stable")
    known = (first // LEAF)[order]
    start, stop = (np.searchsorted(known, leaves, side=side) for side in ("left", "right"))
    alone = start == stop
    start, stop = np.where(alone, 0, start), np.where(alone, len(order), stop)
    return order[start + (generator.random_sample(len(leaves)) * (stop - start)).astype(np.int64)]


def _ones(keys: NDArray[np.int64], points: int, labels: int) -> csr_matrix:
    """[points, labels] with a one for each of the rising keys point·labels + label."""
    row, column = np.divmod(keys, labels)
    indptr = np.searchsorted(row, np.arange(points + 1)).astype(np.int32)
    return csr_matrix((np.ones(len(keys), np.float32), column.astype(np.int32), indptr), shape=(points, labels))


def _joined(blocks: list[csr_matrix]) -> csr_matrix:
    ends = np.cumsum([0, *(block.nnz for block in blocks)])
    indptr = np.concatenate([[0], *(block.indptr[1:] + end for block, end in zip(blocks, ends, strict=False))])
    indices, data = np.concatenate([b.indices for b in blocks]), np.concatenate([b.data for b in blocks])
    return csr_matrix((data, indices, indptr.astype(np.int32)), shape=(len(indptr) - 1, blocks[0].shape[1]))


def _either(one: csr_matrix, other: csr_matrix) -> csr_matrix:
    found = csr_matrix(one + other)
    found.data[:] = 1
    found.sort_indices()
    return found
