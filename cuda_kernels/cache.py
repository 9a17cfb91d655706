"""The folder on disk of what was compiled: safe for processes that start at once, are killed, or fill the disk."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def directory() -> Path:
    """Where compiled kernels are kept: MONGOOSE_CACHE, or the user's cache directory."""
    asked = os.environ.get("MONGOOSE_CACHE")
    if asked:
        return Path(asked)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mongoose"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock; the system drops it with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def put(path: Path, content: bytes) -> None:
    """Write a file in one step: it is there with all its content, or as it was before."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        written = Path(scratch) / path.name
        written.write_bytes(content)
        written.replace(path)
