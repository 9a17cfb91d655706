"""Statistics of a part that can be counted by hand, of an empty one, and of an exact power law."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import datasets
from datasets.base import Part
from datasets.statistics import power_law, statistics

KEYS = ["name", "train", "validation", "test", "features", "labels", "nnz", "nnz_per_point", "labels_per_point"]
KEYS += ["points_per_label", "power_law", "most_frequent_share"]


def test_a_part_counted_by_hand():
    X = csr_matrix(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]], np.float32))
    Y = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float32))
    found = statistics(Part(X, Y), "hand")
    assert list(found) == KEYS
    assert (found["train"], found["validation"], found["test"]) == (4, 0, 0)
    assert (found["features"], found["labels"], found["nnz"]) == (3, 4, 6)
    assert (found["nnz_per_point"], found["labels_per_point"]) == (1.5, 1.25)
    assert found["points_per_label"] == pytest.approx(5 / 3)  # one label never occurs
    assert found["most_frequent_share"] == 0.75
    assert found["power_law"]["singletons"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 5)])
def test_an_empty_part_has_statistics_too(shape):
    found = statistics(Part(csr_matrix(shape, dtype=np.float32), csr_matrix(shape, dtype=np.float32)))
    assert found["points_per_label"] == found["nnz_per_point"] == 0
    assert found["power_law"] == {"zipf_slope": None, "alpha_mle": None, "singletons": None}
    json.dumps(found, allow_nan=False)


def test_the_slope_of_an_exact_power_law_is_found():
    frequencies = np.round(1e6 * np.arange(1, 1001) ** -0.8).astype(np.int64)
    assert power_law(frequencies)["zipf_slope"] == pytest.approx(0.8, abs=0.01)


def test_splits_are_described_by_their_training_part():
    splits = datasets.get("tiny").load()
    found, alone = statistics(splits, "tiny"), statistics(splits.train, "tiny")
    assert (found["validation"], found["test"]) == (100, 200)
    assert {**found, "validation": 0, "test": 0} == alone
