"""Fetch a file from the first of several addresses that has it, whole and the right one, going on where one broke off.

A digest is pinned where it is public; else that of the first download is noted beside the file, and later ones must
agree.
"""

import http
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets.base import DISK, ChecksumError, DatasetError, sha256

TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 20
AGENT = "mongoose-lsh (data get)"

_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class DownloadError(DatasetError):
    """No address gave the file; says what each did, and then what a user can do, if that is known."""

    def __init__(self, name: str, failures: list[str], *then: str) -> None:
        super().__init__("\n".join([f"{name} could not be downloaded:", *failures, *then]))
        self.failures = failures


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes:
        name: what it is called here. urls: where it is, the best first. limit: its bytes, at most.
        sha256: hex digest, where it is public.
    """

    name: str
    urls: tuple[str, ...]
    limit: int
    sha256: str | None = None


def fetch(remote: Remote, folder: Path) -> Path:
    """The file in `folder`, downloaded unless it is there.

    Raises:
        DownloadError: no address gave it.
        ChecksumError: the file that is there is not the one that was pinned or noted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / remote.name
    if not target.exists():
        _from_anywhere(remote, target)
    check(remote, target)
    return target


def check(remote: Remote, target: Path) -> None:
    """Compare with the pinned digest, or with that of the first download, which is noted if there is none yet."""
    note, found = _note(target), sha256(target)
    if remote.sha256 is None and not (note.exists() and note.stat().st_size):  # a full disk leaves an empty one
        note.write_text(found + "\n", encoding="ascii")
    expected = remote.sha256 or note.read_text(encoding="ascii").strip()
    if found != expected:
        remedy = f"Remove {target} to download it again"
        raise ChecksumError(target, expected, found, remedy + ("." if remote.sha256 else f", and {note} to take any."))


@contextmanager
def discarded_if_wrong(target: Path) -> Iterator[None]:
    """Remove a download, and the digest noted for it, if what is done with it finds that it is not the data set."""
    try:
        yield
    except DatasetError:
        _note(target).unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise


def _note(target: Path) -> Path:
    return Path(f"{target}.sha256")


def _from_anywhere(remote: Remote, target: Path) -> None:
    part, failures = Path(f"{target}.part"), []
    for url in remote.urls:
        try:
            _go_on(url, part, remote)
            if remote.sha256 and (found := sha256(part)) != remote.sha256:
                _drop(part)  # it may be of two addresses
                _go_on(url, part, remote)
                found = sha256(part)
                if found != remote.sha256:
                    _drop(part)
                    raise _RefusedError(f"it has sha256 {found}, not {remote.sha256}")
            part.replace(target)
            _drop(part)
            return
        except (OSError, http.client.HTTPException, _RefusedError) as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise  # no address can help
            failures.append(f"- {url}: {error}")
    raise DownloadError(remote.name, failures)


class _RefusedError(Exception):
    """An answer that is not the file."""


def _go_on(url: str, part: Path, remote: Remote) -> None:
    """Append to `part` what is missing, or start anew where the server knows no ranges, or has another file now."""
    wanted = _range(part, pinned=remote.sha256 is not None)
    request = urllib.request.Request(url, headers={"User-Agent": AGENT} | wanted)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            if answer.headers.get_content_type() == "text/html":
                raise _RefusedError("the server sent a page, not the file")
            have = part.stat().st_size if wanted else 0
            resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _start(answer.headers) == have
            if not resumed:
                _drop(part)
                _note_validator(answer.headers, part)
            _save(answer, part, have if resumed else 0, remote.limit)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not wanted:
            raise
        _drop(part)  # it was longer than the file
        _go_on(url, part, remote)


def _range(part: Path, *, pinned: bool) -> dict[str, str]:
    """Headers that ask for what is missing of `part`: if a digest is not there to decide, only of the same file."""
    if not (part.exists() and part.stat().st_size):
        return {}
    wanted = {"Range": f"bytes={part.stat().st_size}-"}
    if pinned:
        return wanted
    noted = _validator(part)
    return wanted | {"If-Range": noted.read_text(encoding="ascii")} if noted.exists() else {}


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _validator(part: Path) -> Path:
    return Path(f"{part}.validator")


def _note_validator(headers: http.client.HTTPMessage, part: Path) -> None:
    """Note what tells this file from another at the same address. Source: RFC 9110, §13.1.5."""
    tag = headers.get("ETag", "")
    found = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    if found and found.isascii():
        _validator(part).write_text(found, encoding="ascii")


def _start(headers: http.client.HTTPMessage) -> int | None:
    found = _RANGE.fullmatch(headers.get("Content-Range", ""))
    return None if found is None else int(found[1])


def _save(answer: http.client.HTTPResponse, part: Path, have: int, limit: int) -> None:
    """Write the answer from byte `have` of the file on; a connection that breaks leaves what came."""
    expected = answer.length
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        while block := answer.read1(BLOCK):  # what came is written at once, for a kill to leave
            have += len(block)
            if have > limit:
                _drop(part)
                raise _RefusedError(f"it is larger than the {limit:,} bytes it may have")
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if expected and answer.length:
        raise _RefusedError(f"the connection broke off with {answer.length:,} bytes to come; ask again to go on")
