"""Files of Debian's packages as points: words of the path → the packages that hold the file."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datasets import counts, tfidf
from datasets.base import Part, Splits
from datasets.built import BuiltDataset
from datasets.debian import apt, contents
from datasets.debian.contents import Files

MIN_DOCUMENTS = 2


@dataclass(frozen=True)
class DebianPaths(BuiltDataset):
    """Path → packages. per_package: files drawn of a package, at most; None: all."""

    per_package: int | None = 40
    made_by: ClassVar = (sys.modules[__name__], apt, contents, counts, tfidf)

    def parameters(self) -> Mapping[str, Any]:
        return {"per_package": self.per_package}

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            indices = apt.fetch(Path(folder), contents=True)
            files = contents.read_files(indices)
            used = [f"main/Contents-{architecture}" for architecture in ("all", indices.architecture)]
            origin = indices.provenance(*used)
        return tfidf.tfidf(counts.split(self.task(files))), origin

    def task(self, files: Files) -> Part:
        """Points in the order of the index."""
        owners = [contents.package_names(text) for text in contents.texts(files.owners)]
        drawn = _draw(_firsts(owners)[files.packages], self.per_package or len(files.packages))
        held = [owners[number] for number in files.packages[drawn]]
        features = counts.incidence(_documents(files, drawn, held), MIN_DOCUMENTS)
        return counts.usable(Part(features, counts.incidence(map(set, held), 1)))


def _firsts(owners: list[list[str]]) -> NDArray[np.int64]:
    """Of each list of packages the number of the first."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(names[0], len(number)) for names in owners], np.int64)


def _draw(package: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Ascending positions of at most `most` lines of each package, drawn without replacement."""
    chance = np.random.RandomState(counts.SEED).random_sample(len(package))
    order = np.lexsort((chance, package))
    start = np.concatenate([[0], np.cumsum(np.bincount(package))])
    rank = np.arange(len(package)) - start[package[order]]
    return np.sort(order[rank < most])


def _documents(files: Files, lines: NDArray[np.int64], held: list[list[str]]) -> Iterator[list[str]]:
    directories = contents.texts(files.directories.take(files.directory[lines]))
    names = contents.texts(files.names.take(files.name[lines]))
    for directory, name, packages in zip(directories, names, held, strict=True):
        told = (part for part in (*directory.split("/"), name) if part not in packages)
        yield [word for part in told for word in contents.path_words(part)]
