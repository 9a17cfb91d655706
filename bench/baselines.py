"""Baselines that need no training: what a method has to beat before its speed is of interest."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench import our_datasets as our_datasets
from bench.metrics import inverse_propensity, scores
from bench.task import curve_points
from datasets.base import Part, Splits
from datasets.counts import document_frequency, keep_columns
from datasets.tfidf import unit_rows

COMMON = 0.03  # of the points
MANY = 5_000_000  # entries

MISSING = -1
"""In place of a label id where there is none."""


def scores_of(splits: Splits, points: int, propensity: tuple[float, float]) -> dict[str, dict[str, float]]:
    """`metrics.scores` of both baselines, on at most `points` test points, the same ones each time.

    Neighbours are those among the features `telling`.
    """
    train, test = splits.train, curve_points(splits.test, points)
    frequency = np.bincount(train.labels.indices, minlength=train.labels.shape[1])
    inverse = inverse_propensity(frequency, train.points, *propensity)
    columns = telling(train)
    known, asked = (Part(unit_rows(keep_columns(part.features, columns)), part.labels) for part in (train, test))
    found = {
        "most frequent": np.broadcast_to(most_frequent(train), (test.points, 5)),
        "10-NN": nearest_neighbours(known, asked, block=64),
    }
    return {name: scores(top, test.labels, inverse) for name, top in found.items()}


def telling(train: Part) -> NDArray[np.int32]:
    """The features by which neighbours are looked for: of large sets, those of at most 3 % of the points.

    The others tell points apart least, and take most of the time.
    """
    most = COMMON * train.points if train.features.nnz > MANY else train.points
    return np.flatnonzero(document_frequency(train.features) <= most).astype(np.int32)


def most_frequent(train: Part, k: int = 5) -> NDArray[np.int64]:
    """The `k` most frequent labels, ties by smaller id; the same answer for every point.

    Returns:
        [k] int64, padded with -1 where fewer labels occur.
    """
    ids, frequency = np.unique(train.labels.indices, return_counts=True)
    top = ids[np.argsort(-frequency, kind="stable")[:k]]
    return np.pad(top.astype(np.int64), (0, k - len(top)), constant_values=MISSING)


def nearest_neighbours(
    train: Part, test: Part, k: int = 5, neighbours: int = 10, block: int = 512
) -> NDArray[np.int64]:
    """The labels of the nearest training points, each voting with its cosine similarity.

    Args:
        train, test: rows of length 1, so that a product is a cosine.
        k: labels to return.
        neighbours: training points that vote, ties by smaller row; those of similarity 0 or less do not.
        block: test points whose votes are counted together.

    Returns:
        [test.points, k] int64, by falling vote, ties by smaller id, padded with -1.
    """
    index = _Postings.of(train.features)
    starts = range(0, test.points, block)
    votes = (index.nearest(test.features[start : start + block], neighbours) @ train.labels for start in starts)
    return np.vstack([np.empty((0, k), np.int64), *(_strongest(vote, k) for vote in votes)])


@dataclass(frozen=True)
class _Postings:
    """An inverted index. Faster than a sparse product here: one accumulator a query instead of 50,000 stored sums.

    Attributes:
        features: [D, points] CSR, the transpose of the training rows.
        bounds: [D + 1] where each feature's entries begin and end.
    """

    features: csr_matrix
    bounds: list[int]

    @classmethod
    def of(cls, rows: csr_matrix) -> "_Postings":
        features = rows.T.tocsr()
        return cls(features, features.indptr.tolist())

    def nearest(self, queries: csr_matrix, neighbours: int) -> csr_matrix:
        """[queries, points] with the similarities of each query's nearest rows."""
        starts = queries.indptr.tolist()
        slices = (slice(a, b) for a, b in pairwise(starts))
        similarities = (self._similarity(queries.indices[at].tolist(), queries.data[at].tolist()) for at in slices)
        found = [(ids := _largest(row, neighbours), row[ids]) for row in similarities]
        indptr = np.cumsum([0, *(len(ids) for ids, _ in found)])
        indices, data = np.concatenate([ids for ids, _ in found]), np.concatenate([row for _, row in found])
        return csr_matrix((data, indices, indptr), shape=(queries.shape[0], self.features.shape[1]))

    def _similarity(self, features: list[int], values: list[float]) -> NDArray[np.float64]:
        """[points] products of one query, given by its entries, with every row."""
        points = self.features.shape[1]
        spans = [slice(self.bounds[feature], self.bounds[feature + 1]) for feature in features]
        if not spans:
            return np.zeros(points)
        ids = np.concatenate([self.features.indices[span] for span in spans])
        terms = np.concatenate([self.features.data[span] * value for span, value in zip(spans, values, strict=True)])
        return np.asarray(np.bincount(ids, weights=terms, minlength=points), np.float64)


def _largest(scores: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Indices of the `n` largest positive scores; of equal ones the smallest indices."""
    threshold = np.partition(scores, len(scores) - n)[len(scores) - n] if len(scores) > n else 0.0
    candidates = np.flatnonzero((scores >= threshold) & (scores > 0))
    return candidates[np.argsort(-scores[candidates], kind="stable")[:n]]


def _strongest(votes: csr_matrix, k: int) -> NDArray[np.int64]:
    """[rows, k] column ids of the largest entries of each row."""
    row = np.repeat(np.arange(votes.shape[0]), np.diff(votes.indptr))
    order = np.lexsort((votes.indices, -votes.data, row))
    rank = np.arange(len(row)) - votes.indptr[row]  # order keeps the rows together, so this is the place within a row
    top = np.full((votes.shape[0], k), MISSING, np.int64)
    first = rank < k
    top[row[first], rank[first]] = votes.indices[order[first]]
    return top
