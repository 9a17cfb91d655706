"""Files out of an archive that is downloaded, or that the user brings because its addresses are dead."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets import archives, cache, download
from datasets.archives import Member
from datasets.base import DatasetError, MissingFileError, sha256, verify
from datasets.download import DownloadError, Remote


@dataclass(frozen=True)
class Archive:
    """An archive, and what is wanted of it."""

    remote: Remote
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Unpacked:
    """The members in a folder. archive: which one they are of."""

    folder: Path
    archive: Archive

    def path(self, name: str) -> Path:
        return self.folder / name

    def provenance(self) -> dict[str, object]:
        """The archive's name, and the sha256 of each of its files."""
        names = [member.name for member in self.archive.members]
        return {"archive": self.archive.remote.name, "sha256": {name: sha256(self.path(name)) for name in names}}


@contextmanager
def unpacked(dataset: str, offered: tuple[Archive, ...], brought: Path | None = None) -> Iterator[Unpacked]:
    """The members of the first archive that can be had; downloads are kept, what comes out of them is not.

    Args:
        dataset: whose place in the cache is used.
        offered: the best first.
        brought: an archive like one of those, or a folder that holds its members; nothing is downloaded then.

    Raises:
        DownloadError: no address gave a file that is an archive with these members.
        DatasetError: what was brought is not the data set.
    """
    home = cache.root() / dataset
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=cache.UNFINISHED, dir=home) as scratch:
        folder = Path(scratch)
        if brought is None:
            archive = _downloaded(dataset, offered, home / "downloads", folder)
        else:
            archive = _brought(offered, brought, folder)
        yield Unpacked(folder, archive)


def by_hand(dataset: str, offered: tuple[Archive, ...]) -> str:
    """What a user can do when no address works."""
    wanted = "\n".join(f"  {url}" for archive in offered for url in archive.remote.urls)
    return (
        f"Fetch one of these by hand, with a browser if need be,\n{wanted}\n"
        f"and name the file: python -m bench data get {dataset} --from FILE\n"
        "(an archive, or a folder with its files)."
    )


def _downloaded(dataset: str, offered: tuple[Archive, ...], downloads: Path, folder: Path) -> Archive:
    failures: list[str] = []
    for archive in offered:
        try:
            path = download.fetch(archive.remote, downloads)
            with download.discarded_if_wrong(path):
                _extract(path, archive, folder)
            return archive
        except DatasetError as error:
            failures.append(str(error))
    raise DownloadError(dataset, failures, by_hand(dataset, offered))


def _brought(offered: tuple[Archive, ...], brought: Path, folder: Path) -> Archive:
    if not brought.exists():
        raise MissingFileError(brought, "Name an archive, or a folder with its files.")
    take, failures = _copy if brought.is_dir() else _extract, []
    for archive in offered:
        try:
            take(brought, archive, folder)
            return archive
        except DatasetError as error:
            failures.append(str(error))
    raise DatasetError("\n".join([f"{brought} is not the data set:", *failures]))


def _extract(path: Path, archive: Archive, folder: Path) -> None:
    archives.extract(path, list(archive.members), folder)
    _verify(archive, folder)


def _copy(source: Path, archive: Archive, folder: Path) -> None:
    """Take the members from where an archiver puts them, or from the folder itself."""
    for member in archive.members:
        places = [source / member.path, source / Path(member.path).name]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise MissingFileError(places[1], f"Nor is there {places[0]}.")
        shutil.copyfile(found, folder / member.name)
    _verify(archive, folder)


def _verify(archive: Archive, folder: Path) -> None:
    for member in archive.members:
        if member.sha256:
            verify(folder / member.name, member.sha256)
