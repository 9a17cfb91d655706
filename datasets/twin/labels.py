"""Labels with kin: a point has one of its own choice, others of the same leaf and branch of a tree, and a few more.

Every label has a training point, as the papers' sets are split. Of what is true of a point some may not be told.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
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
    """Labels that are true and not told: one of n points is told with probability max(p, least).

    p is Jain et al.'s propensity (2016, §5), 1 / (1 + C·(n + b)^−a), C = (log N − 1)(b + 1)^a. Taken literally it hides
    nine in ten of the rare labels, and no classifier could score what the real sets allow; hence `least`.
    """

    a: float
    b: float
    least: float = 0.35

    def told(self, expected: NDArray[np.float64], points: int) -> NDArray[np.float64]:
        """[labels] probabilities, for labels of so many `expected` points among `points`."""
        c = (np.log(points) - 1) * (self.b + 1) ** self.a
        return np.asarray(np.maximum(1 / (1 + c * (expected + self.b) ** -self.a), self.least))


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
    def of(cls, labels: int, exponent: float, shift: float, kin: tuple[float, float], generator: Generator) -> "Tree":
        share = zipf_mandelbrot(labels, exponent, shift)[generator.permutation(labels)]
        return cls(np.concatenate([[0.0], np.cumsum(share)]), kin)

    @property
    def labels(self) -> int:
        return len(self.cumulative) - 1

    def within(self, low: NDArray[np.int64], high: NDArray[np.int64], generator: Generator) -> NDArray[np.int64]:
        """A label of each range [low, high), by frequency."""
        high = np.minimum(high, self.labels)
        start, stop = self.cumulative[low], self.cumulative[high]
        found = np.searchsorted(self.cumulative, start + generator.random(len(low)) * (stop - start), side="right") - 1
        return np.clip(found, low, high - 1)

    def first(self, points: int, generator: Generator) -> NDArray[np.int64]:
        """[points] labels of anywhere."""
        none = np.zeros(points, np.int64)
        return self.within(none, none + self.labels, generator)

    def further(self, first: NDArray[np.int64], generator: Generator) -> NDArray[np.int64]:
        """A label for each of `first`, mostly kin."""
        kind = np.searchsorted(np.cumsum(self.kin), generator.random(len(first)), side="right")
        size = np.array([LEAF, BRANCH, self.labels])[kind]
        low = first // size * size
        return self.within(low, low + size, generator)


@dataclass(frozen=True)
class Drawn:
    """Labels of points. first: [points] whose topic a point has. true, told: [points, labels] of ones, told ⊆ true."""

    first: NDArray[np.int64]
    true: csr_matrix
    told: csr_matrix


def draw(tree: Tree, points: int, train: int, mean: float, missing: Missing | None, generator: Generator) -> Drawn:
    """`mean` labels told a point; each label is told of one of the first `train` points at least."""
    expected = np.diff(tree.cumulative) * train * mean
    probability = np.ones(tree.labels) if missing is None else missing.told(expected, train)
    uncovered = float(np.exp(-expected).sum()) / train
    asked = ask_for(mean - uncovered, lambda ask: _some(tree, min(points, BLOCK), ask, probability, generator).told)
    starts = range(0, points, BLOCK)
    blocks = [_some(tree, min(BLOCK, points - start), asked, probability, generator) for start in starts]
    first = np.concatenate([block.first for block in blocks])
    true, told = (_joined([getattr(block, name) for block in blocks]) for name in ("true", "told"))
    added = _coverage(told[:train], first[:train], points, generator)
    return Drawn(first, _either(true, added), _either(told, added))


def _some(tree: Tree, points: int, mean: float, probability: NDArray[np.float64], generator: Generator) -> Drawn:
    """Points of `mean` true labels, or fewer where their kin has no more; told ones with these probabilities."""
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
    keys: NDArray[np.int64], first: NDArray[np.int64], probability: NDArray[np.float64], generator: Generator
) -> csr_matrix:
    """What is told of each point: at least its first label."""
    points, labels = len(first), len(probability)
    kept = keys[generator.random(len(keys)) < probability[keys % labels]]
    silent = np.flatnonzero(np.bincount(kept // labels, minlength=points) == 0)
    return _ones(np.sort(np.concatenate([kept, silent * labels + first[silent]])), points, labels)


def _coverage(told: csr_matrix, first: NDArray[np.int64], points: int, generator: Generator) -> csr_matrix:
    """[points, labels] a point, of its own leaf if there is one, for every label that is told of none."""
    labels = told.shape[1]
    lacking = np.flatnonzero(np.bincount(told.indices, minlength=labels) == 0)
    order = np.argsort(first // LEAF, kind="stable")
    leaves = (first // LEAF)[order]
    start, stop = (np.searchsorted(leaves, lacking // LEAF, side=side) for side in ("left", "right"))
    alone = start == stop
    start, stop = np.where(alone, 0, start), np.where(alone, len(order), stop)
    point = order[start + (generator.random(len(lacking)) * (stop - start)).astype(np.int64)]
    return _ones(distinct(point * labels + lacking), points, labels)


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
