"""Open a path, bytes or binary stream for reading, decompressing gzip and xz by their first bytes."""

import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO

CORRUPT = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error)
"""What reading a truncated or damaged archive raises."""

GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"


@dataclass(frozen=True)
class Opened:
    """A readable stream.

    Attributes:
        stream: the decompressed bytes.
        name: for messages.
        size: bytes in all where that is known beforehand (plain files and bytes), else None.
    """

    stream: BinaryIO
    name: str
    size: int | None


@contextmanager
def opened(source: Source) -> Iterator[Opened]:
    """Open `source`; a stream of the caller's is left open."""
    with ExitStack() as stack:
        raw, name, size = _raw(source, stack)
        buffered = io.BufferedReader(cast(io.RawIOBase, raw))
        stack.callback(buffered.detach)  # or the caller's stream would be closed with our wrapper
        magic = buffered.peek(len(XZ))
        if magic.startswith(GZIP):
            yield Opened(cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=buffered))), name, None)
        elif magic.startswith(XZ):
            yield Opened(cast(BinaryIO, stack.enter_context(lzma.LZMAFile(buffered))), name, None)
        else:
            yield Opened(cast(BinaryIO, buffered), name, size)


def compress(data: bytes, suffix: str) -> bytes:
    """`data` as a file that ends in `suffix` holds it: `.xz`, `.gz` (no time stamp), or as it is."""
    if suffix == ".xz":
        return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    return gzip.compress(data, mtime=0) if suffix == ".gz" else data


def _raw(source: Source, stack: ExitStack) -> tuple[BinaryIO, str, int | None]:
    if isinstance(source, bytes):
        return io.BytesIO(source), "<bytes>", len(source)
    if isinstance(source, (str, os.PathLike)):
        file: BinaryIO = stack.enter_context(Path(source).open("rb"))  # noqa: SIM115 - the stack closes it
        return file, os.fspath(source), _size(file)
    if isinstance(source, io.TextIOBase):
        raise TypeError("a text stream was given; XMC data are read as bytes: open the file in mode 'rb'.")
    return source, str(getattr(source, "name", "<stream>")), None


def _size(file: BinaryIO) -> int | None:
    """Bytes of a seekable file; a pipe such as /dev/stdin has no size."""
    return os.fstat(file.fileno()).st_size if file.seekable() else None
