"""What is built from sources, on disk: named arrays that are mapped into memory, whole or not there at all.

An entry lies in `<root>/<name>/<recipe>`. It is built in a folder beside it, synced, and renamed into place by whoever
holds the name's lock, so that a process killed at any instant leaves nothing that looks like an entry.
"""

import fcntl
import json
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.base import DISK, ChecksumError, MissingFileError, PreparationError, sha256

Arrays = Mapping[str, NDArray[Any]]

UNFINISHED = ".unfinished-"


def root() -> Path:
    """Where built sets are kept: MONGOOSE_DATA, or the user's cache directory."""
    asked = os.environ.get("MONGOOSE_DATA")
    if asked:
        return Path(asked)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mongoose" / "data"


@dataclass(frozen=True)
class Entry:
    """A place in the cache. name: of the data set. recipe: digest of what decides its content, short of the source."""

    name: str
    recipe: str

    @property
    def folder(self) -> Path:
        return root() / self.name / self.recipe

    @property
    def present(self) -> bool:
        """Whether it was built; a look at one file."""
        return (self.folder / "meta.json").is_file()

    @property
    def _remedy(self) -> str:
        return f"Remove {self.folder} and build it again: python -m bench data get {self.name}"

    def meta(self) -> dict[str, Any]:
        """What its builder wrote down, and sizes and digests of its files (`files`)."""
        path = self.folder / "meta.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise MissingFileError(path, f"Or it is damaged. {self._remedy}") from None
        return found

    def build(self, make: Callable[[], tuple[Arrays, Mapping[str, Any]]]) -> None:
        """Store what `make` returns, arrays and what to write down, unless it is there; waits for other builders.

        Raises:
            PreparationError: the disk is full, or the folder cannot be written.
        """
        if self.present:
            return
        with ExitStack() as held, self._told_plainly():
            held.enter_context(_lock(self.folder.parent))
            if self.present:
                return
            self._sweep()  # before anything is made: what a killed builder left may be what fills the disk
            self._store(*make())

    def prune(self) -> int:
        """Remove what other recipes built under its name; returns the bytes that were freed."""
        with ExitStack() as held:
            with self._told_plainly():
                held.enter_context(_lock(self.folder.parent))
            others = [path.parent for path in self.folder.parent.glob("*/meta.json") if path.parent != self.folder]
            freed = sum(file.stat().st_size for folder in others for file in folder.iterdir())
            for folder in others:
                (folder / "meta.json").unlink()  # first: without it a folder is no entry
                shutil.rmtree(folder)
        return freed

    def array(self, name: str) -> NDArray[Any]:
        """One of its arrays, mapped: nothing is read before it is touched."""
        found: NDArray[Any] = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return found

    def verify(self, contents: bool) -> None:
        """Raise unless every file has the size that was written down, and, if asked, the sha256.

        Raises:
            MissingFileError, ChecksumError.
        """
        for file, expected in self.meta()["files"].items():
            path = self.folder / file
            if not path.is_file() or path.stat().st_size != expected["bytes"]:
                raise MissingFileError(path, f"Or it is cut short. {self._remedy}")
            if contents and (found := sha256(path)) != expected["sha256"]:
                raise ChecksumError(path, expected["sha256"], found, self._remedy)

    def _store(self, arrays: Arrays, told: Mapping[str, Any]) -> None:
        scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder.parent))
        try:
            self._write(scratch, arrays, told)
            if self.folder.exists():  # without its meta.json: not an entry
                shutil.rmtree(self.folder)
            scratch.chmod(0o755)  # a temporary folder is its owner's alone
            scratch.rename(self.folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        _sync_folder(self.folder.parent)

    def _write(self, scratch: Path, arrays: Arrays, told: Mapping[str, Any]) -> None:
        for name, array in arrays.items():
            np.save(scratch / f"{name}.npy", array)
        paths = sorted(scratch.iterdir())
        files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths}
        meta = {"name": self.name, **told, "files": files}
        (scratch / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
        _sync(scratch)

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in DISK:
                raise
            raise PreparationError(
                f"{self.name} cannot be stored in {root()}: {error.strerror or error}; set MONGOOSE_DATA elsewhere."
            ) from None

    def _sweep(self) -> None:
        """Remove what builders that were killed have left; the lock is held, so none is at work."""
        for left in self.folder.parent.glob(UNFINISHED + "*"):
            shutil.rmtree(left, ignore_errors=True)


class Kept(ABC):
    """What a data set that is kept in the cache has in common with any other; `name` is the data set's."""

    name: str

    @property
    @abstractmethod
    def entry(self) -> Entry:
        """Its place in the cache."""

    @abstractmethod
    def _store(self) -> tuple[Arrays, Mapping[str, Any]]:
        """What is to be kept, and what to write down with it."""

    def get(self) -> None:
        """Build it, unless it is there.

        Raises:
            PreparationError: it could not be built; nothing is left behind.
        """
        self.entry.build(self._store)
        self.verify(contents=False)

    def verify(self, contents: bool = True) -> None:
        """Raise unless it was built and its files are whole; `contents`: also their checksums."""
        if not self.entry.present:
            raise MissingFileError(self.entry.folder, f"Build it: python -m bench data get {self.name}")
        self.entry.verify(contents)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a name; the kernel drops it with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
