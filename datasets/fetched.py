"""Files out of an archive that is downloaded, or that the user brings because its addresses are dead."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from datasets import archives, cache, download
from datasets.archives import ArchiveError, Member
from datasets.base import DatasetError, MissingFileError, PreparationError, sha256, verify
from datasets.download import DownloadError, Remote

T = TypeVar("T")


@dataclass(frozen=True)
class Archive:
    """An archive, and what is wanted of it."""

    remote: Remote
    members: tuple[Member, ...]


def take(
    dataset: str, archive: Archive, read: Callable[[Path], T], brought: Path | None = None
) -> tuple[T, dict[str, object]]:
    """What `read` makes of the folder of members; and where they came from, with the sha256 of each.

    A download is kept if `read` accepts its content, and removed if it raises a DatasetError. The caller holds the lock
    of the data set's name.

    Args:
        dataset: whose place in the cache is used. read: raises a DatasetError at what is not the data set.
        brought: such an archive, a folder that holds its members, or its only member; nothing is downloaded then.

    Raises:
        DownloadError: no address gave the data set.
        PreparationError: what was brought is not the data set.
    """
    home = cache.root() / dataset
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=cache.UNFINISHED, dir=home) as scratch:
        folder = Path(scratch)
        if brought is None:
            found = _downloaded(dataset, archive, read, home / "downloads", folder)
        else:
            found = _brought(archive, read, brought, folder)
        origin = {"archive": archive.remote.name} if brought is None else {"brought": brought.name}
        digests = {member.name: sha256(folder / member.name) for member in archive.members}
        return found, {**origin, "sha256": digests}


def by_hand(dataset: str, archive: Archive) -> str:
    """What a user can do when no address works."""
    wanted = "\n".join(f"  {url}" for url in archive.remote.urls)
    return (
        f"Fetch it by hand, with a browser if need be,\n{wanted}\n"
        f"and name the file: python -m bench data get {dataset} --from FILE\n{accepted(archive)}"
    )


def accepted(archive: Archive) -> str:
    """What may be brought."""
    paths = ", ".join(member.path for member in archive.members)
    return f"Accepted are a zip or tar file with {paths}; or a folder with these files, wherever they lie in it."


def _downloaded(dataset: str, archive: Archive, read: Callable[[Path], T], downloads: Path, folder: Path) -> T:
    try:
        path = download.fetch(archive.remote, downloads)
        with download.discarded_if_wrong(path), _named_for_the_user(folder):
            archives.extract(path, list(archive.members), folder)
            return _read(archive, read, folder)
    except DatasetError as error:
        raise DownloadError(dataset, [str(error)], by_hand(dataset, archive)) from None


def _brought(archive: Archive, read: Callable[[Path], T], brought: Path, folder: Path) -> T:
    try:
        with _named_for_the_user(folder):
            _copy(archive, brought, folder)
            return _read(archive, read, folder)
    except DatasetError as error:
        raise PreparationError(f"{brought} is not the data set: {error}\n{accepted(archive)}") from None


def _copy(archive: Archive, brought: Path, folder: Path) -> None:
    if not brought.exists():
        raise MissingFileError(brought, "Name an archive, or a folder with its files.")
    if brought.is_dir():
        for member in archive.members:
            shutil.copyfile(_find(brought, member), folder / member.name)
        return
    try:
        archives.extract(brought, list(archive.members), folder)
    except ArchiveError:
        if len(archive.members) > 1 or archive.members[0].sha256 is None:
            raise
        shutil.copyfile(brought, folder / archive.members[0].name)  # the member itself; its digest decides


def _find(folder: Path, member: Member) -> Path:
    """The file of the member's name; of several the one whose folders are most like those in the archive."""
    wanted = PurePosixPath(member.path).parts
    likeness = {path: _alike(path.parts, wanted) for path in folder.rglob(wanted[-1]) if path.is_file()}
    found = [path for path, alike in likeness.items() if alike == max(likeness.values())]
    if len(found) != 1:
        told = ", ".join(map(str, found)) or "none"
        raise PreparationError(f"{member.path} is looked for in {folder}, and found: {told}.")
    return found[0]


def _alike(path: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    """How many parts agree, from the last on."""
    same = [one == other for one, other in zip(reversed(path), reversed(wanted), strict=False)]
    return [*same, False].index(False)


def _read(archive: Archive, read: Callable[[Path], T], folder: Path) -> T:
    for member in archive.members:
        if member.sha256:
            verify(folder / member.name, member.sha256, "It is another file.")
    return read(folder)


@contextmanager
def _named_for_the_user(folder: Path) -> Iterator[None]:
    """Errors name files of a folder that is gone when they are read: leave it out."""
    try:
        yield
    except DatasetError as error:
        raise PreparationError(str(error).replace(f"{folder}/", "")) from None
