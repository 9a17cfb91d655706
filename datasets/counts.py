"""Words to matrices: documents as counts of the words that more than a few of them use; and how points are split."""

import re
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets.base import Part, Splits

TEST_SHARE, VALIDATION_SHARE = 0.25, 0.05  # of all points; of what is left, rounded
SEED = 0

_WORD = re.compile(r"[a-z][a-z0-9+]+")


def words(text: str) -> list[str]:
    """The words of a text in lower case: a letter, then letters, digits and plus signs; two characters or more."""
    return _WORD.findall(text.lower())


def incidence(documents: Iterable[Iterable[str]], min_documents: int) -> csr_matrix:
    """[documents, words] counts of the words that occur in at least `min_documents`, words in alphabetical order.

    Documents are read once, and only numbers are kept of them.
    """
    column: dict[str, int] = {}
    ids, ends = array("i"), array("q", [0])
    for document in documents:
        ids.extend(column.setdefault(word, len(column)) for word in document)
        ends.append(len(ids))
    indices, indptr = np.frombuffer(ids, np.int32), np.frombuffer(ends, np.int64)
    ones = np.ones(len(indices), np.float32)
    matrix = csr_matrix((ones, indices, indptr.astype(np.int32)), shape=(len(ends) - 1, len(column)))
    matrix.sum_duplicates()
    known = list(column)
    alphabetical = np.array(sorted(range(len(known)), key=known.__getitem__), np.int32)
    return keep_columns(matrix, alphabetical[document_frequency(matrix)[alphabetical] >= min_documents])


def document_frequency(matrix: csr_matrix) -> NDArray[np.int64]:
    """[columns] rows that have an entry in the column; entries are without duplicates."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def keep_columns(matrix: csr_matrix, columns: NDArray[np.int32]) -> csr_matrix:
    """The columns `columns`, in that order, without a detour over the transpose."""
    place = np.full(matrix.shape[1], -1, np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    indices = place[matrix.indices]
    kept = indices >= 0
    until = np.cumsum(kept, dtype=np.int32)  # entries kept up to each one
    indptr = np.where(matrix.indptr > 0, until[matrix.indptr - 1], 0) if len(until) else matrix.indptr
    found = csr_matrix((matrix.data[kept], indices[kept], indptr), shape=(matrix.shape[0], len(columns)))
    found.sort_indices()
    return found


def usable(points: Part) -> Part:
    """The points that have a feature and a label, in the order given."""
    kept = (np.diff(points.features.indptr) > 0) & (np.diff(points.labels.indptr) > 0)
    return points.take(np.flatnonzero(kept))


def split(points: Part, group: NDArray[np.int64] | None = None) -> Splits:
    """Test and validation parts drawn by seeded permutations; each part keeps the order of the points.

    Args:
        group: [points] integers. Points of a group stay together: the shares are then shares of the groups.
    """
    units = np.arange(points.points) if group is None else np.unique(group)
    rest, test = _draw(units, TEST_SHARE)
    train, validation = _draw(rest, VALIDATION_SHARE)
    if group is not None:
        train, validation, test = (np.flatnonzero(np.isin(group, drawn)) for drawn in (train, validation, test))
    return Splits(points.take(train), points.take(validation), points.take(test))


def held_out(points: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the train and validation parts of points whose test part others have drawn."""
    return _draw(np.arange(points), VALIDATION_SHARE)


def _draw(rows: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # RandomState, not Generator: its stream is frozen across numpy's versions
    order = np.random.RandomState(SEED).permutation(len(rows))
    drawn = round(len(rows) * share)
    return rows[np.sort(order[drawn:])], rows[np.sort(order[:drawn])]
