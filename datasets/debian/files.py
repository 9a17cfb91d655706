"""Directories of Debian's packages as points: words of the path and of the owner's description → names of the files."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from datasets import counts, tfidf
from datasets.base import Part, Splits
from datasets.built import BuiltDataset
from datasets.debian import apt, contents, packages
from datasets.debian.contents import Files
from datasets.debian.packages import Package

MIN_DOCUMENTS = 2  # a word of one directory only cannot generalise
MIN_FILES = 2  # nor a file name that exists once


@dataclass(frozen=True)
class DebianFiles(BuiltDataset):
    """Directory → names of its files.

    by: what is drawn for the test part, directories or packages. most_files: a name of more files than this is no
    label. most_labels: a directory of more labels than this is no point.
    """

    by: Literal["directory", "package"] = "directory"
    most_files: int | None = None
    most_labels: int | None = None
    made_by: ClassVar = (sys.modules[__name__], apt, packages, contents, counts, tfidf)

    def parameters(self) -> Mapping[str, Any]:
        return {"by": self.by, "most_files": self.most_files, "most_labels": self.most_labels}

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            indices = apt.fetch(Path(folder), contents=True)
            used = [f"main/Contents-{architecture}" for architecture in ("all", indices.architecture)]
            return tfidf.tfidf(self._splits(indices)), packages.provenance(indices, *used)

    def _splits(self, indices: apt.Indices) -> Splits:
        points, owner = self.task(contents.read_files(indices), packages.read_packages(indices))
        return counts.split(points, owner if self.by == "package" else None)

    def task(self, files: Files, described: list[Package]) -> tuple[Part, NDArray[np.int64]]:
        """Points in the order in which the index first names them, and the number of each one's package."""
        labels = self._labels(files)
        size = np.diff(labels.indptr)
        kept = np.flatnonzero((size > 0) & (size <= (self.most_labels or size.max(initial=0))))
        labels = labels[kept]
        frequency = counts.document_frequency(labels)
        labels = counts.keep_columns(labels, np.flatnonzero(frequency).astype(np.int32))
        owner = _owners(files, described)[kept]
        features = _features(files, described, kept, owner)
        named = np.flatnonzero(np.diff(features.indptr))
        return Part(features, labels).take(named), owner[named]

    def _labels(self, files: Files) -> csr_matrix:
        """[directories, names], names in alphabetical order."""
        frequency = np.bincount(files.name, minlength=len(files.names))
        wanted = (frequency >= MIN_FILES) & (frequency <= (self.most_files or frequency.max(initial=0)))
        names = np.flatnonzero(wanted)
        texts = list(contents.texts(files.names.take(names)))
        names = names[sorted(range(len(texts)), key=texts.__getitem__)]
        shape = (len(files.directories), len(files.names))
        named = csr_matrix((np.ones(len(files.name), np.float32), (files.directory, files.name)), shape=shape)
        named.sum_duplicates()
        named.data[:] = 1
        return counts.keep_columns(named, names.astype(np.int32))


def _owners(files: Files, described: list[Package]) -> NDArray[np.int64]:
    """[directories] position in `described` of the first package of the directory's first file; −1: not described."""
    place = {package.name: i for i, package in enumerate(described)}
    first = np.array(
        [place.get(contents.package_names(text)[0], -1) for text in contents.texts(files.owners)], np.int64
    )
    _, line = np.unique(files.directory, return_index=True)
    return first[files.packages[line]]


def _features(
    files: Files, described: list[Package], directories: NDArray[np.int64], owner: NDArray[np.int64]
) -> csr_matrix:
    """Which words the paths hold, beside which words the owners' descriptions hold; once is as good as often."""
    paths = contents.texts(files.directories.take(directories))
    said = counts.incidence((set(contents.path_words(path)) for path in paths), MIN_DOCUMENTS)
    descriptions = chain((package.description for package in described), [""])  # the last of packages not described
    told = counts.incidence((set(counts.words(text)) for text in descriptions), 1)
    directories_of = np.bincount(owner % told.shape[0], minlength=told.shape[0])
    common = np.flatnonzero(told.T @ directories_of >= MIN_DOCUMENTS)
    told = counts.keep_columns(told, common.astype(np.int32))[owner]
    features: csr_matrix = hstack([said, told], format="csr", dtype=np.float32)
    return features
