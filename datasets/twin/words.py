"""Words of points: a label's own, its leaf's, its branch's, and those that everybody says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from datasets.twin.labels import BRANCH, LEAF
from datasets.twin.laws import Law, ask_for, counted

OWN, OF_LEAF, OF_BRANCH = 12, 40, 300  # words that a label, a leaf and a branch have
SIZES = (1, LEAF, BRANCH)  # labels of each
TOKENS = 1 << 21  # drawn at once
LEAST = 3  # tokens a point
TRIAL = 2_000  # points on which lengths are found


@dataclass(frozen=True)
class Vocabulary:
    """What is said, and how often.

    Attributes:
        own, leaf, branch: [labels, 12], [leaves, 40], [branches, 300] word ids, the first ones said most.
        common: what everybody says.
        shares: of a point's words that are own, leaf's and branch's; the rest are common.
    """

    own: NDArray[np.int32]
    leaf: NDArray[np.int32]
    branch: NDArray[np.int32]
    common: Law
    shares: tuple[float, float, float]

    @classmethod
    def of(cls, words: int, labels: int, shares: tuple[float, float, float], generator: RandomState) -> "Vocabulary":
        common = Law.of(1.0, 31, generator.permutation(words))
        topical = Law.of(0.6, 1001, generator.permutation(words))
        sizes = ((labels, OWN), (-(-labels // LEAF), OF_LEAF), (-(-labels // BRANCH), OF_BRANCH))
        own, leaf, branch = (topical.draw(size, generator).astype(np.int32) for size in sizes)
        return cls(own, leaf, branch, common, shares)

    def say(
        self, first: NDArray[np.int64], labels: csr_matrix, lengths: NDArray[np.int64], generator: RandomState
    ) -> csr_matrix:
        """[points, words] counts of so many tokens a point; own words are those of any of its `labels`."""
        point = np.repeat(np.arange(len(first)), lengths)
        kind = np.searchsorted(np.cumsum(self.shares), generator.random_sample(len(point)), side="right")
        said = np.empty(len(point), np.int64)
        for number, topic in enumerate((self.own, self.leaf, self.branch)):
            at = np.flatnonzero(kind == number)
            row = _any_label(labels, point[at], generator) if number == 0 else first[point[at]] // SIZES[number]
            place = (generator.random_sample(len(at)) ** 2 * topic.shape[1]).astype(np.int64)
            said[at] = topic[row, place]
        at = np.flatnonzero(kind == len(SIZES))
        said[at] = self.common.draw((len(at),), generator)
        return counted(lengths, said, len(self.common.ids))


def draw(
    vocabulary: Vocabulary,
    first: NDArray[np.int64],
    labels: csr_matrix,
    mean: float,
    sigma: float,
    generator: RandomState,
) -> csr_matrix:
    """[points, words] counts, `mean` different words a point, log-normally spread with `sigma`.

    Args:
        first: [points] labels whose leaf and branch a point speaks of. labels: [points, labels] that it speaks of.
    """
    some = np.arange(min(TRIAL, len(first)))

    def trial(ask: float) -> csr_matrix:
        return vocabulary.say(first[some], labels[some], _lengths(ask, sigma, len(some), generator), generator)

    lengths = _lengths(ask_for(mean, trial), sigma, len(first), generator)
    parts = [vocabulary.say(first[at], labels[at], lengths[at], generator) for at in _blocks(lengths)]
    return csr_matrix(vstack(parts, format="csr"))


def _blocks(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Points whose tokens are drawn together."""
    block = np.cumsum(lengths) // TOKENS
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(lengths)]
    return (slice(start, stop) for start, stop in pairwise(cuts))


def _lengths(mean: float, sigma: float, points: int, generator: RandomState) -> NDArray[np.int64]:
    """[points] log-normal, of this mean but for rounding, however few they are."""
    drawn = generator.lognormal(0.0, sigma, points)
    return np.asarray(np.maximum(np.round(drawn * (mean / drawn.mean())), LEAST), np.int64)


def _any_label(labels: csr_matrix, point: NDArray[np.int64], generator: RandomState) -> NDArray[np.int32]:
    start, size = labels.indptr[point], np.diff(labels.indptr)[point]
    found: NDArray[np.int32] = labels.indices[start + (generator.random_sample(len(point)) * size).astype(np.int64)]
    return found
