"""The registry finds plug-ins by itself; errors say what was asked, found and accepted."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import datasets
from datasets.base import DatasetError, FormatError, Part, UnknownDatasetError


def test_the_shipped_data_sets_are_found():
    assert {"tiny", "wordnet"} <= set(datasets.names())
    assert datasets.names() == sorted(datasets.names())


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(UnknownDatasetError, match=r"'amazon'; the names are: .*tiny, .*wordnet"):
        datasets.get("amazon")


def test_a_format_error_is_a_dataset_error_and_a_value_error():
    error = FormatError("train.txt", 7, "label", "label 9 is out of range.")
    assert isinstance(error, DatasetError)
    assert isinstance(error, ValueError)
    assert str(error) == "train.txt, line 7: label 9 is out of range."


def test_a_part_needs_as_many_rows_of_labels_as_of_features():
    with pytest.raises(ValueError, match="2 rows of features, but 3 rows of labels"):
        Part(csr_matrix((2, 5)), csr_matrix((3, 4)))


def test_take_keeps_the_order_asked_for():
    part = Part(csr_matrix(np.arange(6.0).reshape(3, 2)), csr_matrix(np.eye(3)))
    np.testing.assert_array_equal(part.take(np.array([2, 0])).features.toarray(), [[4, 5], [0, 1]])
