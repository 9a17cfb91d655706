"""P@k, nDCG@k and propensity-scored P@k of extreme multi-label classification."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

KS = (1, 3, 5)


def hits(top: NDArray[np.int64], labels: csr_matrix) -> NDArray[np.bool_]:
    """[n, k] whether each predicted class, best first, is a label of its point; −1 predicts nothing.

    Args:
        top: [n, k] class ids. labels: [n, N], stored entries are labels.
    """
    points = np.arange(len(top))[:, None]
    found = np.asarray(labels[np.broadcast_to(points, top.shape).ravel(), top.ravel()]).reshape(top.shape) != 0
    hit: NDArray[np.bool_] = found & (top >= 0)
    return hit


def inverse_propensity(
    counts: NDArray[np.int64], num_points: int, a: float = 0.55, b: float = 1.5
) -> NDArray[np.float64]:
    """[N] 1/p of each label: 1 + C·exp(−a·log(n + b)), C = (log num_points − 1)(b + 1)^a.

    Args:
        counts: [N] training points a label. num_points: training points. a, b: a data set's `propensity`.

    Source: Jain et al. 2016, §5.
    """
    c = (np.log(num_points) - 1) * (b + 1) ** a
    inverse: NDArray[np.float64] = 1 + c * (counts + b) ** -a
    return inverse


def scores(top: NDArray[np.int64], labels: csr_matrix, inverse: NDArray[np.float64]) -> dict[str, float]:
    """p_at_k, psp_at_k and ndcg_at_k for k = 1, 3, 5, as fractions averaged over points.

    PSP is normalised by the best value that any prediction could reach, summed over points (as pyxclib does).

    Args:
        top: [n, ≥5] class ids, best first. labels: [n, N]. inverse: [N] inverse propensities.
    """
    hit = hits(top, labels)
    best = _best_gains(labels, inverse, max(KS))
    discount = 1 / np.log2(np.arange(max(KS)) + 2)
    ideal = np.concatenate([[0], np.cumsum(discount)])
    labels_a_point = np.diff(labels.indptr)
    result: dict[str, float] = {}
    for k in KS:
        gain = np.where(hit[:, :k], inverse[top[:, :k]], 0.0)
        possible = ideal[np.minimum(labels_a_point, k)]
        ndcg = (hit[:, :k] * discount[:k]).sum(1) / np.where(possible > 0, possible, 1)
        result[f"p_at_{k}"] = float(hit[:, :k].mean())
        result[f"psp_at_{k}"] = float(gain.sum() / best[:, :k].sum())
        result[f"ndcg_at_{k}"] = float(ndcg.mean())
    return result


def _best_gains(labels: csr_matrix, inverse: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """[n, k] the largest inverse propensities among each point's labels, descending, 0 where it has fewer."""
    point = np.repeat(np.arange(labels.shape[0]), np.diff(labels.indptr))
    gain = inverse[labels.indices]
    order = np.lexsort((-gain, point))
    rank = np.arange(len(order)) - labels.indptr[point[order]]
    best = np.zeros((labels.shape[0], k))
    keep = rank < k
    best[point[order][keep], rank[keep]] = gain[order][keep]
    return best
