"""The papers' sets come out of whatever archive holds them, or of a folder, and nothing else is taken for them."""

import hashlib
import http.server
import os
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import datasets
import datasets.text
from datasets import download, xmc
from datasets.base import Dataset, DatasetError, PreparationError, Sizes
from datasets.download import DownloadError
from datasets.text.mahoney import Mahoney
from datasets.xmc_repository import XMCRepository

TINY = datasets.get("tiny").load()
WIKI10 = datasets.get("wiki10-31k")
ROOT = Path(__file__).parents[2]
KILLS = 15  # forty in a download, and forty in a build, are in the tests of those

GET = """
import sys
from dataclasses import replace
import datasets
from datasets.base import Sizes
found = datasets.get("wiki10-31k")
archive = found.offered[0]
archive = replace(archive, remote=replace(archive.remote, urls=(sys.argv[1],)))
sizes = Sizes(train=570, validation=30, test=200, features=500, labels=300)
found = replace(found, sizes=sizes, drift=0.0, offered=(archive,))
print("ready", flush=True)
found.get()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def small() -> XMCRepository:
    """Wiki10-31K, but of the tiny set's size."""
    assert isinstance(WIKI10, XMCRepository)
    return replace(WIKI10, sizes=Sizes(train=570, validation=30, test=200, features=500, labels=300), drift=0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The two text files, values not scaled."""
    found = tmp_path / "unpacked"
    found.mkdir()
    for name, part in (("train", TINY.train), ("test", TINY.test)):
        xmc.write(replace(part, features=part.features * 3), found / f"wiki10_{name}.txt")
    return found


def zipped(folder: Path, inside: str) -> Path:
    path = folder.parent / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"{inside}{file.name}")
    return path


def matrices(folder: Path) -> Path:
    """The same as PECOS packs it."""
    path = folder.parent / "wiki10-31k.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for short, part in (("trn", TINY.train), ("tst", TINY.test)):
            for name, matrix in ((f"tfidf-attnxml/X.{short}", part.features * 3), (f"Y.{short}", part.labels * 2)):
                file = folder / "matrix.npz"
                scipy.sparse.save_npz(file, matrix.astype(np.float64))
                archive.add(file, f"./xmc-base/wiki10-31k/{name}.npz")
    return path


@pytest.mark.parametrize(
    "brought",
    [lambda folder: folder, lambda folder: zipped(folder, "Wiki10/"), matrices],
    ids=["folder", "zip of texts", "tar of matrices"],
)
def test_each_form_gives_the_same_set(small, folder, brought, root):
    given = replace(small, brought=brought(folder))
    given.get()
    found = small.load()
    kept = np.sort(np.random.RandomState(0).permutation(600)[30:])
    for part, expected in ((found.train, TINY.train.take(kept)), (found.test, TINY.test)):
        close = part.features - expected.features  # scaled back to length 1
        assert abs(close).max() < 1e-6
        assert (part.labels != expected.labels).nnz == 0
    assert set(small.provenance()) == {"archive", "sha256", "recipe"}
    assert not [path for path in (root / "wiki10-31k").iterdir() if path.name.startswith(".unfinished")]


def test_what_was_brought_is_no_other_entry_of_the_cache(small, folder):
    assert replace(small, brought=folder).entry == small.entry


def test_another_set_is_refused(small, folder):
    with pytest.raises(PreparationError, match="train 570; expected 13,439"):
        replace(WIKI10, brought=folder).get()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none", "is missing"),
        (lambda folder: zipped(folder, "elsewhere/"), "it lacks Wiki10/wiki10_test.txt"),
        (lambda folder: folder / "wiki10_train.txt", "unknown kind"),
        (lambda folder: folder.parent, "wiki10_train.txt is missing"),
    ],
)
def test_what_is_not_the_set_is_told(small, folder, make, words):
    with pytest.raises(DatasetError, match=words):
        replace(small, brought=make(folder)).get()
    assert not small.entry.present


def test_a_matrix_that_is_none_is_told(small, folder):
    path = folder.parent / "wiki10-31k.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("tfidf-attnxml/X.trn", "tfidf-attnxml/X.tst", "Y.trn", "Y.tst"):
            archive.add(folder / "wiki10_test.txt", f"xmc-base/wiki10-31k/{name}.npz")
    with pytest.raises(PreparationError, match=r"train\.Y\.npz is no sparse matrix"):
        replace(small, brought=path).get()


def test_a_download_of_something_else_is_not_kept(small, folder, monkeypatch, root):
    """The next attempt must not find it again."""
    wrong = zipped(folder, "elsewhere/")
    archive = small.offered[0]

    def fetched(remote, downloads):
        downloads.mkdir(parents=True)
        target = downloads / remote.name
        target.write_bytes(wrong.read_bytes())
        download.check(remote, target)
        return target

    monkeypatch.setattr(download, "fetch", fetched)
    with pytest.raises(DownloadError, match="it lacks Wiki10/") as raised:
        replace(small, offered=(archive,)).get()
    assert "data get wiki10-31k --from FILE" in str(raised.value)
    assert archive.remote.urls[0] in str(raised.value)
    assert not list((root / "wiki10-31k" / "downloads").iterdir())


@pytest.fixture
def server(folder) -> Iterator[str]:
    """The address of a zip of the two files."""
    path = zipped(folder, "Wiki10/")
    handler = partial(Quiet, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/{path.name}"
        running.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def seconds(command: list[str], environment: dict[str, str], at_most: float = 60.0) -> float:
    """How long it took once it was ready; killed after `at_most`."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        start = time.monotonic()
        try:
            running.wait(at_most)
        except subprocess.TimeoutExpired:
            running.kill()
    return time.monotonic() - start


def test_a_get_that_is_killed_at_any_instant_leaves_no_set_that_loads_wrongly(small, server, root):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    command = [sys.executable, "-c", GET, server]
    whole = seconds(command, environment)
    expected = small.load().test.features.toarray()
    complete = 0
    for moment in np.random.default_rng(0).uniform(0, 1.2, KILLS):
        (small.entry.folder / "meta.json").unlink(missing_ok=True)  # as if it had not been built
        seconds(command, environment, at_most=moment * whole)
        if small.entry.present:
            small.verify(contents=True)
            np.testing.assert_array_equal(small.load().test.features.toarray(), expected)
            complete += 1
    subprocess.run(command, env=environment, check=True, timeout=60)
    small.verify(contents=True)
    assert not list((root / "wiki10-31k").glob(".unfinished*"))
    assert complete < KILLS


def papers() -> list[Dataset]:
    return [found for name in datasets.names() if isinstance(found := datasets.get(name), XMCRepository)]


def test_the_papers_sets_are_here_with_an_address_each():
    names = {"wiki10-31k", "delicious-200k", "amazon-670k", "wikilshtc-325k", "eurlex-4k", "amazoncat-13k"}
    assert {one.name for one in papers()} == names
    for one in papers():
        assert all(archive.remote.urls for archive in one.offered)
        assert "--from" in one.remedy


def test_a_corpus_is_known_by_the_file_inside(tmp_path, monkeypatch):
    text = bytes(range(250)) * 4
    enwik8 = datasets.text.get("enwik8")
    assert isinstance(enwik8, Mahoney)
    member = enwik8.offered[0].members[0]
    pinned = replace(member, sha256=hashlib.sha256(text).hexdigest())
    small = replace(enwik8, size=1000, offered=(replace(enwik8.offered[0], members=(pinned,)),))
    archive = tmp_path / "any name.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("enwik8", text)
    with pytest.raises(DatasetError, match="has sha256"):
        replace(enwik8, brought=archive).get()
    replace(small, brought=archive).get()
    assert small.load().train.tobytes() == text[:900]
    assert small.load().test.tobytes() == text[950:]


def test_a_pinned_digest_names_what_was_found(tmp_path):
    (tmp_path / "text8").write_bytes(b"abc")
    with pytest.raises(DatasetError) as raised:
        replace(datasets.text.get("text8"), brought=tmp_path).get()
    assert hashlib.sha256(b"abc").hexdigest() in str(raised.value)
