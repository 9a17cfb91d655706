"""Take known members out of an archive that nobody vouches for.

What an archive calls its members decides nothing about where bytes go: members are looked up in a table of ours, and
written under names of ours. Whatever else it holds is passed over, and sizes are counted, not believed.
"""

import os
import stat
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from datasets.base import DISK, DatasetError
from datasets.cache import UNFINISHED
from datasets.compressed import CORRUPT, opened

RATIO = 200  # bytes that come out for one that goes in, at most; text seldom exceeds 20
ENTRIES = 10_000
BLOCK = 1 << 20

# What zipfile and tarfile raise at bytes that are no archive, or none that they know; OSError is for damaged bzip2.
DAMAGED = (
    *CORRUPT,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    OverflowError,
    struct.error,
    OSError,
)


class ArchiveError(DatasetError):
    """An archive is damaged, or not what it should be; nothing of it was kept."""

    def __init__(self, archive: Path, problem: str) -> None:
        super().__init__(f"{archive}: {problem}")
        self.archive, self.problem = archive, problem


@dataclass(frozen=True)
class Member:
    """A file to take.

    Attributes:
        path: what the archive calls it. name: what it is called here. limit: its bytes, at most.
        sha256: hex digest of its content, where it is public.
    """

    path: str
    name: str
    limit: int
    sha256: str | None = None


def extract(archive: Path, members: list[Member], destination: Path) -> None:
    """Write the members into `destination`, each whole, once all of them were found good.

    Args:
        archive: a zip or tar file; a tar may be compressed by gzip or xz.

    Raises:
        ArchiveError: it is damaged, lacks a member or holds it twice, a member is no regular file, or is too large.
    """
    destination.mkdir(parents=True, exist_ok=True)
    table = {member.path: member for member in members}
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=destination) as scratch:
        try:
            found = _copy(archive, table, Path(scratch))
        except DAMAGED as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            raise ArchiveError(archive, f"it is damaged or of an unknown kind: {error}.") from None
        if missing := sorted(set(table) - found):
            raise ArchiveError(archive, f"it lacks {', '.join(missing)}.")
        for member in members:
            (Path(scratch) / member.name).replace(destination / member.name)


def _copy(archive: Path, table: Mapping[str, Member], scratch: Path) -> set[str]:
    """Copy what the table names; returns the paths that were there."""
    found: set[str] = set()
    left = RATIO * archive.stat().st_size
    reader = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    with reader(archive, left) as members:
        for number, (path, regular, open_member) in enumerate(members):
            if number >= ENTRIES:
                raise ArchiveError(archive, f"it has more than {ENTRIES:,} entries.")
            path = path.removeprefix("./")  # as tar writes the members of a folder
            member = table.get(path)
            if member is None:
                continue
            if path in found:
                raise ArchiveError(archive, f"it holds {path} twice.")
            if not regular:
                raise ArchiveError(archive, f"{path} is no regular file in it.")
            with open_member() as stream:
                left -= _write(archive, member, stream, scratch / member.name, left)
            found.add(path)
    return found


def _write(archive: Path, member: Member, stream: IO[bytes], target: Path, left: int) -> int:
    """Copy a member; returns its bytes."""
    size = 0
    with target.open("xb") as file:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > member.limit:
                raise ArchiveError(archive, f"{member.path} is larger than the {member.limit:,} bytes it may have.")
            if size > left:
                raise ArchiveError(archive, f"{member.path} unpacks to more than {RATIO} times the archive's size.")
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return size


Members = Iterator[tuple[str, bool, Callable[[], IO[bytes]]]]


@contextmanager
def _zip_members(archive: Path, most: int) -> Iterator[Members]:
    with zipfile.ZipFile(archive) as opened:
        if any(info.flag_bits & 1 for info in opened.infolist()):
            raise ArchiveError(archive, "it is encrypted.")
        yield ((info.filename, _is_regular(info), partial(opened.open, info)) for info in opened.infolist())


def _is_regular(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archiver knew no Unix modes
    return not info.is_dir() and kind in (0, stat.S_IFREG)


@contextmanager
def _tar_members(archive: Path, most: int) -> Iterator[Members]:
    """Read as a stream: what is passed over is unpacked too, headers included, and counts."""
    with opened(archive) as source:
        unpacked = _Counted(source.stream, archive, most)
        with tarfile.open(fileobj=unpacked, mode="r|") as tar:  # type: ignore[call-overload]  # it only reads
            yield _members(tar, unpacked)


def _members(tar: tarfile.TarFile, unpacked: "_Counted") -> Members:
    for info in tar:
        yield info.name, info.isreg(), partial(_member, tar, info)
    while unpacked.read(BLOCK):  # to the compressor's checksum
        pass


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    assert stream is not None
    return stream


@dataclass
class _Counted:
    """A stream of which no more than `left` bytes can be read."""

    stream: BinaryIO
    archive: Path
    left: int

    def read(self, size: int) -> bytes:
        found = self.stream.read(min(size, self.left + 1))
        self.left -= len(found)
        if self.left < 0:
            raise ArchiveError(self.archive, f"it unpacks to more than {RATIO} times its size.")
        return found
