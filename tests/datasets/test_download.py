"""Downloads from a server of our own that breaks off, lies, moves, and sends pages."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from datasets.base import ChecksumError
from datasets.download import DownloadError, Remote, fetch

CONTENT = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ROOT = Path(__file__).parents[2]
KILLS = 40


class Server(BaseHTTPRequestHandler):
    """Paths say how it behaves."""

    asked: list[tuple[str, str | None]] = []
    tag = '"first"'

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if self.headers.get("If-Range", self.tag) != self.tag:
            wanted = None
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.path != "/no-ranges" else 0
        if self.path == "/gone":
            self.send_error(404)
        elif start >= len(CONTENT):
            self.send_error(416)
        else:
            self.answer(start)

    def answer(self, start: int) -> None:
        body = CONTENT[start:] if self.path != "/other" else bytes(1000)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/html" if self.path == "/page" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        if self.path != "/untagged":
            self.send_header("ETag", self.tag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if self.path == "/slow":
            self.trickle(body)
        else:
            self.wfile.write(body[:100_000] if self.path == "/breaks" else body)

    def trickle(self, body: bytes) -> None:
        try:
            for at in range(0, len(body), 4096):
                self.wfile.write(body[at : at + 4096])
                time.sleep(0.005)
        except OSError:
            pass  # the reader was killed

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Server.asked, Server.tag = [], '"first"'
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def remote(server: str, *paths: str, **settings: object) -> Remote:
    told = {"limit": 10**6, "sha256": DIGEST} | settings
    return Remote("data.bin", tuple(f"{server}/{path}" for path in paths), **told)  # type: ignore[arg-type]


def test_a_file_is_fetched_once(server, tmp_path):
    for _ in range(2):
        assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert Server.asked == [("/good", None)]
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_the_next_address_is_asked_when_one_fails(server, tmp_path):
    assert fetch(remote(server, "gone", "page", "other", "good"), tmp_path).read_bytes() == CONTENT


def test_what_came_before_a_connection_broke_is_not_fetched_again(server, tmp_path):
    with pytest.raises(DownloadError, match="156,000 bytes to come"):
        fetch(remote(server, "breaks"), tmp_path)
    assert (tmp_path / "data.bin.part").stat().st_size == 100_000
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert Server.asked[-1] == ("/good", "bytes=100000-")


@pytest.mark.parametrize("path", ["good", "no-ranges"])
@pytest.mark.parametrize("left", [CONTENT[:1000], b"x" * 1000, CONTENT + b"more", CONTENT])
def test_whatever_an_earlier_attempt_left_the_right_file_comes_out(server, tmp_path, path, left):
    (tmp_path / "data.bin.part").write_bytes(left)
    assert fetch(remote(server, path), tmp_path).read_bytes() == CONTENT


def test_when_all_fail_each_is_told(server, tmp_path):
    with pytest.raises(DownloadError) as raised:
        fetch(remote(server, "gone", "page", "other"), tmp_path)
    told = str(raised.value)
    assert all(words in told for words in ("/gone: HTTP Error 404", "/page: the server sent a page", "/other: it has"))
    assert not list(tmp_path.iterdir())


def wait_for_bytes(path: Path) -> None:
    while not (path.exists() and path.stat().st_size):
        time.sleep(0.001)


def test_a_download_that_is_killed_at_any_instant_goes_on(server, tmp_path):
    """Whatever a killed process leaves, the file is not there, or it is the right one."""
    code = "import sys; from pathlib import Path; from datasets.download import Remote, fetch; "
    code += (
        "print('ready', flush=True); fetch(Remote('data.bin', (sys.argv[1],), 10**6, sys.argv[2]), Path(sys.argv[3]))"
    )
    command = [sys.executable, "-c", code, f"{server}/slow", DIGEST, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    target, random, came = tmp_path / "data.bin", np.random.default_rng(0), 0
    for kill in range(KILLS):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            running.stdout.readline()
            if kill == 0:  # the machine may be too busy for a random instant to be one with a part of the file
                wait_for_bytes(tmp_path / "data.bin.part")
            else:
                time.sleep(random.uniform(0, 0.4))
            running.kill()
        if target.exists():
            assert target.read_bytes() == CONTENT
            target.unlink()
            came += 1
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    resumed = [wanted for path, wanted in Server.asked if path == "/slow" and wanted]
    assert resumed, "no attempt went on where another was killed"
    assert came < KILLS


def test_a_file_that_never_ends_is_stopped(server, tmp_path):
    with pytest.raises(DownloadError, match="larger than the 5,000 bytes"):
        fetch(remote(server, "good", limit=5000), tmp_path)
    assert not (tmp_path / "data.bin.part").exists()


@pytest.mark.parametrize(("path", "tag", "resumed"), [("good", "first", True), ("good", "second", False)])
def test_without_a_public_digest_only_the_same_file_is_gone_on_with(server, tmp_path, path, tag, resumed):
    with pytest.raises(DownloadError):
        fetch(remote(server, "breaks", sha256=None), tmp_path)
    (tmp_path / "data.bin.part").write_bytes(b"x" * 100_000)  # so that going on shows
    Server.tag = f'"{tag}"'
    found = fetch(remote(server, path, sha256=None), tmp_path).read_bytes()
    assert (found[:100_000] == b"x" * 100_000) == resumed
    assert found[100_000:] == CONTENT[100_000:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.bin", "data.bin.sha256"]


def test_without_a_public_digest_and_without_a_tag_it_starts_anew(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"x" * 100_000)
    assert fetch(remote(server, "untagged", sha256=None), tmp_path).read_bytes() == CONTENT
    assert Server.asked == [("/untagged", None)]


def test_an_empty_note_is_none(server, tmp_path):
    """As a full disk leaves it."""
    (tmp_path / "data.bin.sha256").touch()
    fetch(remote(server, "good", sha256=None), tmp_path)
    assert (tmp_path / "data.bin.sha256").read_text() == DIGEST + "\n"


def test_a_full_disk_is_no_fault_of_an_address(server, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(remote(server, "good", "good"), tmp_path)
    assert len(Server.asked) == 1


def test_without_a_public_digest_the_first_download_is_held_to(server, tmp_path):
    path = fetch(remote(server, "good", sha256=None), tmp_path)
    assert (tmp_path / "data.bin.sha256").read_text() == DIGEST + "\n"
    path.write_bytes(b"changed")
    with pytest.raises(ChecksumError):
        fetch(remote(server, "good", sha256=None), tmp_path)
    path.unlink()
    with pytest.raises(ChecksumError):
        fetch(remote(server, "other", sha256=None), tmp_path)
