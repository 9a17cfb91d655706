"""Words of points: a label's own, its leaf's, its branch's, and those that everybody says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
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
        common: word ids, to draw what everybody says. words: how many there are.
        shares: of a point's words that are own, leaf's and branch's; the rest are common.
    """

    own: NDArray[np.int32]
    leaf: NDArray[np.int32]
    branch: NDArray[np.int32]
    common: NDArray[np.int32]
    words: int
    shares: tuple[float, float, float]

    @classmethod
    def of(cls, words: int, labels: int, shares: tuple[float, float, float], generator: Generator) -> "Vocabulary":
        said = Law.of(words, 1.0, 31, generator)
        topical = Law.of(words, 0.6, 1001, generator).table()
        leaves, branches = -(-labels // LEAF), -(-labels // BRANCH)
        own, leaf, branch = (
            _pick(topical, (rows, columns), generator)
            for rows, columns in ((labels, OWN), (leaves, OF_LEAF), (branches, OF_BRANCH))
        )
        return cls(own, leaf, branch, said.table(), words, shares)

    def say(
        self, first: NDArray[np.int64], labels: csr_matrix, lengths: NDArray[np.int64], generator: Generator
    ) -> csr_matrix:
        """[points, words] counts of so many tokens a point; own words are those of any of its `labels`."""
        point = np.repeat(np.arange(len(first)), lengths)
        kind = np.searchsorted(np.cumsum(self.shares), generator.random(len(point), np.float32), side="right")
        said = _pick(self.common, (len(point),), generator)
        for number, topic in enumerate((self.own, self.leaf, self.branch)):
            at = np.flatnonzero(kind == number)
            row = _any_label(labels, point[at], generator) if number == 0 else first[point[at]] // SIZES[number]
            place = (generator.random(len(at), np.float32) ** 2 * topic.shape[1]).astype(np.int64)
            said[at] = topic[row, place]
        return counted(lengths, said, self.words)


def draw(
    vocabulary: Vocabulary,
    first: NDArray[np.int64],
    labels: csr_matrix,
    mean: float,
    sigma: float,
    generator: Generator,
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


def _lengths(mean: float, sigma: float, points: int, generator: Generator) -> NDArray[np.int64]:
    """[points] log-normal, of this mean but for rounding, however few they are."""
    drawn = generator.lognormal(0.0, sigma, points)
    return np.asarray(np.maximum(np.round(drawn * (mean / drawn.mean())), LEAST), np.int64)


def _any_label(labels: csr_matrix, point: NDArray[np.int64], generator: Generator) -> NDArray[np.int32]:
    start, size = labels.indptr[point], np.diff(labels.indptr)[point]
    found: NDArray[np.int32] = labels.indices[start + (generator.random(len(point)) * size).astype(np.int64)]
    return found


def _pick(table: NDArray[np.int32], shape: tuple[int, ...], generator: Generator) -> NDArray[np.int32]:
    return table[generator.integers(len(table), size=shape, dtype=np.int32)]
