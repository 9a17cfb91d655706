"""Term weighting: raw counts to unit-length tf-idf rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets.base import Part, Splits

BLOCK = 1 << 15  # rows that are weighed at once, in float64


@dataclass(frozen=True)
class TfIdf:
    """Weights (1 + log tf) * idf, rows scaled to length 1, with smooth idf = 1 + log((1 + n) / (1 + df)).

    Source: Manning, Raghavan and Schütze 2008, §6.4 (sublinear tf); the smoothing is scikit-learn's.

    Attributes:
        idf: [D] float64, fitted on the training part only.
    """

    idf: NDArray[np.float64]

    @classmethod
    def fit(cls, counts: csr_matrix) -> "TfIdf":
        """Document frequencies of `counts` ([n, D], without duplicate entries)."""
        n, D = counts.shape
        frequency = np.bincount(counts.indices, minlength=D)
        return cls(1 + np.log((1 + n) / (1 + frequency)))

    def transform(self, counts: csr_matrix) -> csr_matrix:
        """Weigh `counts` ([n, D], entries > 0); a row without entries stays empty.

        Returns:
            [n, D] float32, rows of Euclidean length 1.
        """
        weights = np.empty(counts.nnz, np.float32)
        for first in range(0, counts.shape[0], BLOCK):
            rows = counts.indptr[first : first + BLOCK + 1]
            entries = slice(rows[0], rows[-1])
            weights[entries] = self._weigh(counts.data[entries], counts.indices[entries], rows - rows[0])
        return csr_matrix((weights, counts.indices, counts.indptr), shape=counts.shape)

    def _weigh(
        self, data: NDArray[np.float32], indices: NDArray[np.int32], indptr: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return _unit((1 + np.log(data.astype(np.float64))) * self.idf[indices], indptr)


def tfidf(counts: Splits) -> Splits:
    """The same splits with tf-idf features, fitted on `counts.train`."""
    weighting = TfIdf.fit(counts.train.features)
    parts = (counts.train, counts.validation, counts.test)
    return Splits(*(Part(weighting.transform(part.features), part.labels) for part in parts))


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """The same directions as rows of Euclidean length 1; a row without entries, or of zeros, stays as it is."""
    data = _unit(matrix.data.astype(np.float64), matrix.indptr).astype(np.float32)
    return csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _unit(values: NDArray[np.float64], indptr: NDArray[np.int32]) -> NDArray[np.float64]:
    """Values of rows, each row divided by its length; a row of length 0 is left alone."""
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    lengths = np.sqrt(np.bincount(row, weights=values**2, minlength=len(indptr) - 1))
    return np.asarray(values / np.where(lengths > 0, lengths, 1)[row])
