"""Data sets that are built on the user's machine, when asked to, and kept in the cache."""

import hashlib
import inspect
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets import cache
from datasets.base import Dataset, Part, PreparationError, Splits

PARTS = ("train", "validation", "test")
KINDS = ("features", "labels")


@dataclass(frozen=True)
class BuiltDataset(cache.Kept, Dataset):
    """A data set whose files are made by `get` and mapped by `load`.

    drift: share by which its sizes may differ from the promised ones, since its source moves. made_by: the modules
    whose text decides the content; another text is another entry of the cache.
    """

    drift: float = 0.0
    made_by: ClassVar[tuple[ModuleType, ...]] = ()

    @property
    def entry(self) -> cache.Entry:
        """Its place in the cache."""
        return cache.Entry(self.name, digest_of(self.parameters(), self.made_by))

    def parameters(self) -> Mapping[str, Any]:
        """What tells this set from others that the same modules make."""
        return {}

    @abstractmethod
    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        """The splits, features weighted, and where they came from."""

    def load(self) -> Splits:
        """Map the files; their sizes are looked at, their contents when they are used."""
        self.verify(contents=False)
        return self.read()

    def read(self) -> Splits:
        shapes = self.entry.meta()["shapes"]
        return Splits(*(Part(*(self._mapped(f"{name}.{kind}", shapes) for kind in KINDS)) for name in PARTS))

    def provenance(self) -> dict[str, Any]:
        """Where the built set came from: versions, dates, checksums; nothing, if it is not built."""
        found: dict[str, Any] = self.entry.meta()["provenance"] if self.entry.present else {}
        return found | {"recipe": self.entry.recipe}

    def _store(self) -> tuple[cache.Arrays, Mapping[str, Any]]:
        splits, provenance = self.make()
        self._compare_sizes(splits)
        matrices = {f"{name}.{kind}": getattr(getattr(splits, name), kind) for name in PARTS for kind in KINDS}
        arrays = {f"{stem}.{name}": array for stem, matrix in matrices.items() for name, array in _arrays(matrix)}
        return arrays, {"shapes": {stem: m.shape for stem, m in matrices.items()}, "provenance": provenance}

    def _compare_sizes(self, splits: Splits) -> None:
        """Raise unless the sizes are the promised ones, but for what the source may have moved."""
        told = vars(self.sizes)
        features, labels = splits.train.features.shape[1], splits.train.labels.shape[1]
        found = {name: getattr(splits, name).points for name in PARTS} | {"features": features, "labels": labels}
        wrong = [
            f"{what} {found[what]:,}, expected {expected:,}"
            for what, expected in told.items()
            if abs(found[what] - expected) > self.drift * expected
        ]
        if wrong:
            raise PreparationError(
                f"{self.name} came out with {'; '.join(wrong)}, each ± {self.drift:.0%}. "
                "Its source is another than the one that the recipe was written for."
            )

    def _mapped(self, stem: str, shapes: Mapping[str, tuple[int, int]]) -> csr_matrix:
        """The matrix around mapped arrays; its constructor would read all of them to look for mistakes."""
        rows, columns = shapes[stem]
        matrix = csr_matrix((rows, columns), dtype=np.float32)  # type: ignore[arg-type]  # the stubs know no shape
        for name in ("indptr", "indices", "data"):
            setattr(matrix, name, self.entry.array(f"{stem}.{name}"))
        return matrix


def digest_of(parameters: Mapping[str, Any], made_by: Iterable[ModuleType]) -> str:
    """A short digest of what decides the content of a built set: parameters, and the text of modules."""
    digest = hashlib.sha256(repr(dict(parameters)).encode())
    for module in made_by:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()[:16]


def _arrays(matrix: csr_matrix) -> list[tuple[str, NDArray[Any]]]:
    if matrix.nnz > np.iinfo(np.int32).max:
        raise PreparationError(f"a matrix has {matrix.nnz:,} entries; at most 2^31 − 1 can be stored.")
    return [
        ("indptr", matrix.indptr.astype(np.int32, copy=False)),
        ("indices", matrix.indices.astype(np.int32, copy=False)),
        ("data", matrix.data.astype(np.float32, copy=False)),
    ]
