"""tf-idf by hand, and fitted on the training part only."""

import numpy as np
from scipy.sparse import csr_matrix

from datasets.base import Part, Splits
from datasets.tfidf import TfIdf, tfidf

COUNTS = csr_matrix(np.array([[1, 0, 3], [2, 0, 0], [0, 0, 0]], np.float32))


def test_weights_by_hand():
    idf = 1 + np.log(np.array([4 / 3, 4 / 1, 4 / 2]))
    np.testing.assert_allclose(TfIdf.fit(COUNTS).idf, idf)
    expected = np.array([idf[0], 0, (1 + np.log(3)) * idf[2]])
    weights = TfIdf.fit(COUNTS).transform(COUNTS).toarray()
    np.testing.assert_allclose(weights[0], expected / np.linalg.norm(expected), rtol=1e-6)


def test_rows_have_length_1_or_stay_empty():
    weights = TfIdf.fit(COUNTS).transform(COUNTS)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(weights.toarray(), axis=1), [1, 1, 0], rtol=1e-6)


def test_the_test_part_does_not_change_the_weights():
    elsewhere = csr_matrix(np.array([[0, 1, 0], [1, 1, 0], [0, 4, 0]], np.float32))
    train, other = (Part(counts, csr_matrix((3, 1))) for counts in (COUNTS, elsewhere))
    a, b = tfidf(Splits(train, train, train)), tfidf(Splits(train, other, other))
    np.testing.assert_array_equal(a.train.features.data, b.train.features.data)
