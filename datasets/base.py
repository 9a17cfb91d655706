"""What a data set is: parts, splits, a licence, pinned files; and the errors that reading one may raise."""

import errno
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR})
"""Error numbers of a place that cannot be written."""


class DatasetError(Exception):
    """Anything that keeps a data set from being used; its message is meant for the user."""


class UnknownDatasetError(DatasetError, LookupError):
    """No data set has the name asked for."""

    def __init__(self, name: str, accepted: list[str]) -> None:
        super().__init__(f"there is no data set {name!r}; the names are: {', '.join(accepted)}.")
        self.name, self.accepted = name, accepted


class MissingFileError(DatasetError):
    """A file of the data set is not where it should be."""

    def __init__(self, path: Path, remedy: str) -> None:
        super().__init__(f"{path} is missing. {remedy}")
        self.path = path


class ChecksumError(DatasetError):
    """A file is there, but is not the one that was pinned."""

    def __init__(self, path: Path, expected: str, found: str, remedy: str) -> None:
        super().__init__(f"{path} has sha256 {found}, expected {expected}. {remedy}")
        self.path, self.expected, self.found = path, expected, found


class FormatError(DatasetError, ValueError):
    """A file does not follow its format.

    Attributes:
        path: the file as the caller named it, or `<bytes>` or `<stream>`.
        line: 1-based line of the first fault.
        field: which part of the line: `header`, `label`, `feature`, `value` or `line`.
    """

    def __init__(self, path: str, line: int, field: str, problem: str) -> None:
        super().__init__(f"{path}, line {line}: {problem}")
        self.path, self.line, self.field, self.problem = path, line, field, problem


class PreparationError(DatasetError):
    """A data set could not be built from its source."""


@dataclass(frozen=True)
class Part:
    """Points with their features and labels.

    Attributes:
        features: [points, D] float32.
        labels: [points, N] float32; each stored entry is 1.
    """

    features: csr_matrix
    labels: csr_matrix

    def __post_init__(self) -> None:
        if self.features.shape[0] != self.labels.shape[0]:
            raise ValueError(f"{self.features.shape[0]} rows of features, but {self.labels.shape[0]} rows of labels.")

    @property
    def points(self) -> int:
        """Number of points."""
        return int(self.features.shape[0])

    def take(self, rows: np.ndarray) -> "Part":
        """The points `rows` ([n] integers), in that order."""
        return Part(self.features[rows], self.labels[rows])


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set, over the same features and labels."""

    train: Part
    validation: Part
    test: Part

    def __post_init__(self) -> None:
        widths = {(part.features.shape[1], part.labels.shape[1]) for part in (self.train, self.validation, self.test)}
        if len(widths) > 1:
            raise ValueError(f"parts differ in their numbers of features and labels: {sorted(widths)}.")


@dataclass(frozen=True)
class Sizes:
    """What `load()` is expected to return: points of each part, D features and N labels."""

    train: int
    validation: int
    test: int
    features: int
    labels: int


@dataclass(frozen=True)
class Dataset(ABC):
    """A data set; a plug-in subclasses it and binds one instance to the module-level name `dataset`.

    Attributes:
        name: what the command line calls it.
        title: one line for people.
        source: where it comes from.
        licence: the terms, in a few words.
        sizes: what the paper or the recipe promises.
        how: how points, features and labels arise, in a sentence or two.
        cautions: leaks, heads and other traps, a sentence each.
        propensity: a and b of the labels' propensities (Jain et al. 2016, §5), for propensity-scored precision.
        folder: where the files of `sha256` lie.
        sha256: file name -> hex digest of each file that is read; empty for generated data.
        remedy: what to do when a file is absent.
    """

    name: str
    title: str
    source: str
    licence: str
    sizes: Sizes
    how: str = ""
    cautions: tuple[str, ...] = ()
    propensity: tuple[float, float] = (0.55, 1.5)
    folder: Path = Path(__file__).parent / "data"
    sha256: Mapping[str, str] = field(default_factory=dict)
    remedy: str = "Restore it from the repository."

    @property
    def shipped(self) -> bool:
        """Whether its files are part of the checkout."""
        return bool(self.sha256) and self.folder.is_relative_to(Path(__file__).parent / "data")

    def get(self) -> None:
        """Make sure that the data set is here and is the right one; some sets are built or fetched by this.

        Raises:
            DatasetError: it is not, and cannot be brought.
        """
        self.verify()

    def load(self) -> Splits:
        """Verify every file, then read it.

        Raises:
            MissingFileError, ChecksumError: before anything is parsed.
            FormatError: a file passed its checksum but not the parser.
        """
        self.verify()
        return self.read()

    def verify(self, contents: bool = True) -> None:
        """Compare each pinned file with its digest; `contents=False` lets a set of many bytes look at sizes alone."""
        for file, digest in self.sha256.items():
            verify(self.folder / file, digest, self.remedy)

    def provenance(self) -> dict[str, Any]:
        """What tells its content apart from that of the same set of another day; goes with every result."""
        return {"sha256": dict(self.sha256)}

    @abstractmethod
    def read(self) -> Splits:
        """Read files that `verify` accepted."""


def verify(path: Path, expected: str, remedy: str = "") -> None:
    """Raise unless the file at `path` has the sha256 `expected` (hex)."""
    if not path.is_file():
        raise MissingFileError(path, remedy)
    found = sha256(path)
    if found != expected:
        raise ChecksumError(path, expected, found, remedy or "Restore or fetch the file again.")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
