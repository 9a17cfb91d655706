"""Take known members out of an archive that nobody vouches for.

What an archive calls its members decides nothing about where bytes go: members are looked up in a table of ours, and
written under names of ours. Whatever else it holds is passed over, and sizes are counted, not believed.
"""

import lzma
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from datasets.base import DatasetError

RATIO = 200  # bytes that come out for one that goes in, at most; text seldom exceeds 20
ENTRIES = 10_000
BLOCK = 1 << 20

DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


class ArchiveError(DatasetError):
    """An archive is damaged, or not what it should be; nothing of it was kept."""

    def __init__(self, archive: Path, problem: str) -> None:
        super().__init__(f"{archive}: {problem}")
        self.archive, self.problem = archive, problem


@dataclass(frozen=True)
class Member:
    """A file to take. path: what the archive calls it. name: what it is called here. limit: its bytes, at most."""

    path: str
    name: str
    limit: int


def extract(archive: Path, members: list[Member], destination: Path) -> None:
    """Write the members into `destination`: all of them, each whole, or none.

    Args:
        archive: a zip or tar file; a tar may be compressed by gzip, bzip2 or xz.

    Raises:
        ArchiveError: it is damaged, lacks a member or holds it twice, a member is no regular file, or is too large.
    """
    destination.mkdir(parents=True, exist_ok=True)
    table = {member.path: member for member in members}
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=destination) as scratch:
        try:
            found = _copy(archive, table, Path(scratch))
        except DAMAGED as error:
            raise ArchiveError(archive, f"it is damaged or of an unknown kind: {error}.") from None
        if missing := sorted(set(table) - found):
            raise ArchiveError(archive, f"it lacks {', '.join(missing)}.")
        for member in members:
            (Path(scratch) / member.name).replace(destination / member.name)


def _copy(archive: Path, table: Mapping[str, Member], scratch: Path) -> set[str]:
    """Copy what the table names; returns the paths that were there."""
    found: set[str] = set()
    left = RATIO * archive.stat().st_size
    opened = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    with opened(archive, left) as members:
        for number, (path, regular, stream) in enumerate(members):
            if number >= ENTRIES:
                raise ArchiveError(archive, f"it has more than {ENTRIES:,} entries.")
            member = table.get(path)
            if member is None:
                continue
            if path in found:
                raise ArchiveError(archive, f"it holds {path} twice.")
            if not regular or stream is None:
                raise ArchiveError(archive, f"{path} is no regular file in it.")
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


Members = Iterator[tuple[str, bool, IO[bytes] | None]]


@contextmanager
def _zip_members(archive: Path, most: int) -> Iterator[Members]:
    with zipfile.ZipFile(archive) as opened:
        yield (
            (info.filename, _is_regular(info), opened.open(info) if _is_regular(info) else None)
            for info in opened.infolist()
        )


def _is_regular(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archiver knew no Unix modes
    return not info.is_dir() and kind in (0, stat.S_IFREG)


@contextmanager
def _tar_members(archive: Path, most: int) -> Iterator[Members]:
    """Read as a stream: what is passed over is unpacked too, and counts."""
    with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r|*") as opened:
        yield _counted(archive, opened, most)


def _counted(archive: Path, opened: tarfile.TarFile, most: int) -> Members:
    for info in opened:
        if info.offset_data + info.size > most:
            raise ArchiveError(archive, f"it unpacks to more than {RATIO} times its size.")
        yield info.name, info.isreg(), opened.extractfile(info) if info.isreg() else None
