"""Our metrics against napkinXC's, and by hand."""

import numpy as np
import pytest
from napkinxc.metrics import Jain_et_al_inverse_propensity, ndcg_at_k, precision_at_k, psprecision_at_k
from scipy.sparse import csr_matrix

from bench.metrics import KS, inverse_propensity, scores

N = 40


def random_case(seed: int) -> tuple[np.ndarray, csr_matrix, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = csr_matrix((generator.random((200, N)) < 0.08).astype(np.float32))
    top = np.argsort(-generator.random((200, N)), axis=1)[:, :5]
    return top, labels, 1 + generator.random(N) * 9


@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_napkinxc(seed: int) -> None:
    """Points without labels are left out, since implementations disagree on what they count."""
    top, labels, inverse = random_case(seed)
    keep = np.diff(labels.indptr) > 0
    top, labels = top[keep], labels[keep]
    found = scores(top, labels, inverse)
    predicted = top.tolist()
    expected = {
        "p": precision_at_k(labels, predicted, k=5),
        "ndcg": ndcg_at_k(labels, predicted, k=5),
        "psp": psprecision_at_k(labels, predicted, inverse, k=5),
    }
    for name, values in expected.items():
        for k in KS:
            assert found[f"{name}_at_{k}"] == pytest.approx(values[k - 1], abs=1e-6), f"{name}@{k}"


def test_inverse_propensity_equals_napkinxc() -> None:
    _, labels, _ = random_case(0)
    counts = np.bincount(labels.indices, minlength=N)
    expected = Jain_et_al_inverse_propensity(labels, A=0.55, B=1.5)
    np.testing.assert_allclose(inverse_propensity(counts, labels.shape[0]), expected, rtol=1e-6)


def test_by_hand() -> None:
    labels = csr_matrix(np.array([[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]], dtype=np.float32))
    top = np.array([[0, 2, 1, 3, 4], [0, 1, 2, 3, -1]])
    found = scores(top, labels, np.ones(6))
    assert found["p_at_1"] == 0.5
    assert found["p_at_3"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["psp_at_3"] == pytest.approx(2 / 3)
    assert found["ndcg_at_3"] == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3)) / 2)


def test_no_prediction_is_no_hit() -> None:
    labels = csr_matrix(np.ones((1, 6), dtype=np.float32))
    assert scores(np.full((1, 5), -1), labels, np.ones(6))["p_at_5"] == 0
