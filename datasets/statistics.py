"""What a data set looks like: sizes, sparsity, and how fast its label frequencies fall."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets.base import Part, Splits

RANKS = 60
"""Log-spaced ranks at which the Zipf slope is fitted, so that the long tail does not outvote the head."""


class PowerLaw(TypedDict):
    """Fits to the frequencies of the labels that occur; None where there are too few.

    zipf_slope: s in frequency ~ rank**-s, least squares at log-spaced ranks.
    alpha_mle: exponent of P(frequency) ~ frequency**-alpha from frequency 1 on (Clauset et al. 2009, eq. 3.7).
    singletons: share of the labels that occur once.
    """

    zipf_slope: float | None
    alpha_mle: float | None
    singletons: float | None


class Statistics(TypedDict):
    """Sizes; then means and shares over the training points.

    points_per_label is over labels that occur; most_frequent_share is the share of points with the most frequent label.
    """

    name: str
    train: int
    validation: int
    test: int
    features: int
    labels: int
    nnz: int
    nnz_per_point: float
    labels_per_point: float
    points_per_label: float
    power_law: PowerLaw
    most_frequent_share: float


def statistics(data: Part | Splits, name: str = "") -> Statistics:
    """Describe `data`; a single part counts as the training part."""
    train = data if isinstance(data, Part) else data.train
    frequencies = label_frequencies(train.labels)
    return Statistics(
        name=name,
        train=train.points,
        validation=data.validation.points if isinstance(data, Splits) else 0,
        test=data.test.points if isinstance(data, Splits) else 0,
        features=train.features.shape[1],
        labels=train.labels.shape[1],
        nnz=int(train.features.nnz),
        nnz_per_point=_ratio(train.features.nnz, train.points),
        labels_per_point=_ratio(train.labels.nnz, train.points),
        points_per_label=_ratio(train.labels.nnz, len(frequencies)),
        power_law=power_law(frequencies),
        most_frequent_share=_ratio(frequencies.max(initial=0), train.points),
    )


def label_frequencies(labels: csr_matrix) -> NDArray[np.int64]:
    """[labels that occur] numbers of points, falling."""
    # not bincount: N may be two thousand million in a file of ten lines
    return np.sort(np.unique(labels.indices, return_counts=True)[1])[::-1].astype(np.int64)


def power_law(frequencies: NDArray[np.int64]) -> PowerLaw:
    """Fit `frequencies` (falling, each at least 1)."""
    n = len(frequencies)
    if n == 0:
        return PowerLaw(zipf_slope=None, alpha_mle=None, singletons=None)
    alpha = 1 + n / float(np.log(frequencies / 0.5).sum())
    return PowerLaw(zipf_slope=_zipf_slope(frequencies), alpha_mle=alpha, singletons=float((frequencies == 1).mean()))


def log_ranks(n: int) -> NDArray[np.int64]:
    """About `RANKS` ranks from 1 to n, evenly spaced in their logarithms."""
    return np.unique(np.geomspace(1, n, RANKS).astype(np.int64))


def _zipf_slope(frequencies: NDArray[np.int64]) -> float | None:
    n = len(frequencies)
    if n < 2:
        return None
    ranks = log_ranks(n)
    slope, _ = np.polyfit(np.log(ranks), np.log(frequencies[ranks - 1]), 1)
    return -float(slope)


def _ratio(numerator: float, denominator: int) -> float:
    return float(numerator) / denominator if denominator else 0.0
