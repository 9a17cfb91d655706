"""What every data set promises; a new plug-in is tested here without a line of its own."""

from dataclasses import replace

import numpy as np
import pytest

import datasets
from datasets.base import ChecksumError, Dataset, MissingFileError, Splits
from datasets.built import BuiltDataset

PARTS = ("train", "validation", "test")


# Of sets that are built on request, here none is: what makes them is tested in tests/datasets.
HERE = [name for name in datasets.names() if not isinstance(datasets.get(name), BuiltDataset)]


@pytest.fixture(scope="module", params=HERE)
def dataset(request) -> Dataset:
    return datasets.get(request.param)


@pytest.fixture(params=[name for name in datasets.names() if datasets.get(name).sha256])
def dataset_of_files(request) -> Dataset:
    return datasets.get(request.param)


@pytest.fixture(scope="module")
def splits(dataset) -> Splits:
    return dataset.load()


@pytest.fixture(params=PARTS)
def part(request, splits):
    return getattr(splits, request.param)


@pytest.mark.parametrize("name", datasets.names())
def test_the_specification_is_complete(name):
    dataset = datasets.get(name)
    assert datasets.get(dataset.name) is dataset
    assert dataset.name == dataset.name.lower().strip() != ""
    assert all(text.strip() for text in (dataset.title, dataset.source, dataset.licence, dataset.remedy))
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in dataset.sha256.values())


def test_the_sizes_are_the_promised_ones(dataset, splits):
    assert [getattr(splits, name).points for name in PARTS] == [getattr(dataset.sizes, name) for name in PARTS]
    for name in PARTS:
        assert getattr(splits, name).features.shape[1] == dataset.sizes.features
        assert getattr(splits, name).labels.shape[1] == dataset.sizes.labels


def test_matrices_are_well_formed(part):
    for matrix in (part.features, part.labels):
        matrix.check_format(full_check=True)  # indices in range, indptr rising
        assert matrix.dtype == np.float32
        assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
        assert np.isfinite(matrix.data).all()
        assert matrix.data.all()
        assert is_strictly_rising(matrix)


def test_labels_are_ones(part):
    assert (part.labels.data == 1).all()


def test_rows_have_length_1(part):
    squares = np.asarray(part.features.multiply(part.features).sum(axis=1)).ravel()
    lengths = np.sqrt(squares[squares > 0])
    np.testing.assert_allclose(lengths, 1, atol=1e-5)  # float32, up to some thousand entries a row


def test_loading_twice_gives_the_same(dataset, splits):
    again = dataset.load()
    for name in PARTS:
        np.testing.assert_array_equal(getattr(again, name).features.data, getattr(splits, name).features.data)
        np.testing.assert_array_equal(getattr(again, name).labels.indices, getattr(splits, name).labels.indices)


def test_a_changed_file_is_refused_before_it_is_read(dataset_of_files, tmp_path):
    for file in dataset_of_files.sha256:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"something else")
    with pytest.raises(ChecksumError, match=r"expected [0-9a-f]{64}"):
        replace(dataset_of_files, folder=tmp_path).load()


def test_a_missing_file_is_named_with_a_remedy(dataset_of_files, tmp_path):
    with pytest.raises(MissingFileError) as raised:
        replace(dataset_of_files, folder=tmp_path).load()
    assert str(tmp_path) in str(raised.value)
    assert dataset_of_files.remedy in str(raised.value)


def is_strictly_rising(matrix) -> bool:
    """Whether the column indices of each row rise, so that none is repeated."""
    first = np.zeros(matrix.nnz, bool)
    first[matrix.indptr[:-1][np.diff(matrix.indptr) > 0]] = True
    return bool((first[1:] | (np.diff(matrix.indices) > 0)).all())
