"""The baselines against their definitions, point by point."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import datasets
from bench.baselines import most_frequent, nearest_neighbours, scores_of
from bench.metrics import inverse_propensity, scores
from bench.task import curve_points
from datasets.base import Part


@pytest.fixture(scope="module")
def tiny():
    return datasets.get("tiny").load()


def by_definition(train: Part, point: np.ndarray, k: int, neighbours: int) -> list[int]:
    similarity = train.features.toarray().astype(np.float64) @ point
    near = [i for i in np.argsort(-similarity, kind="stable")[:neighbours] if similarity[i] > 0]
    votes = similarity[near] @ train.labels.toarray()[near]
    top = [int(i) for i in np.argsort(-votes, kind="stable")[:k] if votes[i] > 0]
    return top + [-1] * (k - len(top))


def test_most_frequent_labels():
    labels = csr_matrix(np.array([[0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]], np.float32))
    part = Part(csr_matrix((3, 1)), labels)
    assert most_frequent(part, 2).tolist() == [1, 2]  # a tie goes to the smaller id
    assert most_frequent(part, 5).tolist() == [1, 2, 3, -1, -1]


@pytest.mark.parametrize("block", [1, 37, 512])
def test_neighbours_equal_the_definition(tiny, block):
    top = nearest_neighbours(tiny.train, tiny.test, k=5, neighbours=10, block=block)
    assert (top.shape, top.dtype) == ((200, 5), np.int64)
    expected = [by_definition(tiny.train, point, 5, 10) for point in tiny.test.features.toarray().astype(np.float64)]
    differing = (top != expected).any(axis=1).sum()
    assert differing <= 2  # sums in another order may swap labels whose votes tie to the last bit


def test_neighbours_learn_what_can_be_learnt(tiny):
    top = nearest_neighbours(tiny.train, tiny.test)
    hits = np.asarray(tiny.test.labels[np.arange(200), top[:, 0]]).mean()
    frequent = np.asarray(tiny.test.labels[:, most_frequent(tiny.train, 1)].toarray()).mean()
    assert hits > 0.8 > 2 * frequent


def test_a_point_without_neighbours_gets_no_labels(tiny):
    nothing = Part(csr_matrix((2, 500), dtype=np.float32), csr_matrix((2, 300), dtype=np.float32))
    assert (nearest_neighbours(tiny.train, nothing) == -1).all()
    assert (nearest_neighbours(nothing, tiny.test) == -1).all()


def test_no_points_no_rows(tiny):
    none = Part(csr_matrix((0, 500), dtype=np.float32), csr_matrix((0, 300), dtype=np.float32))
    assert nearest_neighbours(tiny.train, none, k=3).shape == (0, 3)


def test_a_set_is_scored_by_both_baselines() -> None:
    splits = datasets.get("tiny").load()
    found = scores_of(splits, 50, (0.55, 1.5))
    assert set(found) == {"most frequent", "10-NN"}
    asked = curve_points(splits.test, 50)
    inverse = inverse_propensity(np.bincount(splits.train.labels.indices, minlength=300), splits.train.points)
    top = nearest_neighbours(splits.train, asked)
    assert found["10-NN"] == scores(top, asked.labels, inverse)
    assert found["most frequent"]["p_at_1"] < found["10-NN"]["p_at_1"]
