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
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import datasets
import datasets.text
from datasets import download, xmc
from datasets.base import DatasetError, PreparationError, Sizes, Splits
from datasets.download import DownloadError
from datasets.text.mahoney import Mahoney
from datasets.xmc_repository import XMCRepository

TINY = datasets.get("tiny").load()
WIKI10 = datasets.get("wiki10-31k")
SMALL = Sizes(train=570, validation=30, test=200, features=500, labels=300)
ROOT = Path(__file__).parents[2]
KILLS = 15  # forty in a download, and forty in a build, are in the tests of those

GET = """
import sys
from dataclasses import replace
import datasets
from datasets.base import Sizes
found = datasets.get("wiki10-31k")
archive = replace(found.archive, remote=replace(found.archive.remote, urls=(sys.argv[1],)))
sizes = Sizes(train=570, validation=30, test=200, features=500, labels=300)
found = replace(found, sizes=sizes, archive=archive)
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
    return replace(WIKI10, sizes=SMALL)


@pytest.fixture
def pecos() -> XMCRepository:
    """The same as PECOS packs it."""
    found = datasets.get("wiki10-31k-pecos")
    assert isinstance(found, XMCRepository)
    return replace(found, sizes=SMALL)


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


def saved(home: Path, change=lambda name, matrix: matrix) -> Path:
    """The folder of PECOS's four matrices, and of something else."""
    (home / "tfidf-attnxml").mkdir(parents=True)
    for short, part in (("trn", TINY.train), ("tst", TINY.test)):
        for name, matrix in ((f"tfidf-attnxml/X.{short}", part.features * 3), (f"Y.{short}", part.labels * 2)):
            scipy.sparse.save_npz(home / f"{name}.npz", change(name, matrix.astype(np.float64)))
    (home / "X.trn.txt").write_text("texts")
    return home


def tarred(home: Path) -> Path:
    path = home.parent / "wiki10-31k.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(home, "./xmc-base/wiki10-31k")
    return path


def assert_is_tiny(found: Splits) -> None:
    kept = np.sort(np.random.RandomState(0).permutation(600)[30:])
    for part, expected in ((found.train, TINY.train.take(kept)), (found.test, TINY.test)):
        close = part.features - expected.features  # scaled back to length 1
        assert abs(close).max() < 1e-6
        assert (part.labels != expected.labels).nnz == 0


@pytest.mark.parametrize(
    "brought",
    [lambda folder: folder, lambda folder: zipped(folder, "Wiki10/"), lambda folder: folder.parent],
    ids=["folder", "zip", "folder around it"],
)
def test_each_form_of_texts_gives_the_set(small, folder, brought, root):
    given = replace(small, brought=brought(folder))
    given.get()
    assert_is_tiny(small.load())
    assert set(small.provenance()) == {"brought", "sha256", "recipe"}
    assert not [path for path in (root / "wiki10-31k").iterdir() if path.name.startswith(".unfinished")]


@pytest.mark.parametrize("brought", [tarred, lambda home: home, lambda home: home.parent], ids=["tar", "home", "above"])
def test_each_form_of_matrices_gives_the_set(pecos, tmp_path, brought):
    home = saved(tmp_path / "xmc-base" / "wiki10-31k")
    replace(pecos, brought=brought(home)).get()
    assert_is_tiny(pecos.load())


BROKEN = {
    "rows of X and Y differ": (lambda name, matrix: matrix[:-1] if name == "Y.trn" else matrix, "differ in their rows"),
    "test is narrower": (
        lambda name, matrix: matrix[:, :400] if name.endswith("X.tst") else matrix,
        "differ in their features",
    ),
    "fewer labels in test": (lambda name, matrix: matrix[:, :250] if name == "Y.tst" else matrix, "in their labels"),
    "not a number": (lambda name, matrix: matrix * np.nan if name.endswith("X.trn") else matrix, "are not finite"),
    "beyond float32": (lambda name, matrix: matrix * 1e300 if name.endswith("X.tst") else matrix, "are not finite"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_matrices_that_are_not_the_set_are_told(pecos, tmp_path, what):
    change, words = BROKEN[what]
    home = saved(tmp_path / "wiki10-31k", change)
    with pytest.raises(PreparationError, match=words):
        replace(pecos, brought=home).get()
    assert not pecos.entry.present


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\5\6" + bytes(18)], ids=["empty", "garbage", "empty zip"])
def test_a_file_that_is_no_matrix_is_told(pecos, tmp_path, content):
    home = saved(tmp_path / "wiki10-31k")
    (home / "Y.trn.npz").write_bytes(content)
    with pytest.raises(PreparationError, match=r"train\.Y\.npz is no sparse matrix"):
        replace(pecos, brought=home).get()


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_flipped_byte_in_a_matrix_is_no_crash(pecos, tmp_path, at):
    home = saved(tmp_path / "wiki10-31k")
    content = bytearray((home / "Y.trn.npz").read_bytes())
    content[at] ^= 0x40
    (home / "Y.trn.npz").write_bytes(content)
    with suppress(DatasetError):  # zip does not check all of its bytes
        replace(pecos, brought=home).get()
        assert_is_tiny(pecos.load())


def test_what_was_brought_is_no_other_entry_of_the_cache(small, folder):
    assert replace(small, brought=folder).entry == small.entry


def test_another_set_is_refused(small, folder):
    with pytest.raises(PreparationError, match="train 570, expected 13,439"):
        replace(WIKI10, brought=folder).get()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none", "is missing"),
        (lambda folder: zipped(folder, "elsewhere/"), "it lacks Wiki10/wiki10_test.txt"),
        (lambda folder: folder / "wiki10_train.txt", "unknown kind"),
        (lambda folder: Path(folder / "wiki10_test.txt").unlink() or folder, "found: none"),
    ],
)
def test_what_is_not_the_set_is_told_with_what_would_be(small, folder, make, words):
    with pytest.raises(DatasetError, match=words) as raised:
        replace(small, brought=make(folder)).get()
    assert "Accepted are a zip or tar file with Wiki10/wiki10_train.txt" in str(raised.value)
    assert not small.entry.present


def test_a_faulty_line_is_named_by_the_file_that_the_user_knows(small, folder):
    (folder / "wiki10_train.txt").write_text("1 500 300\n0 nonsense\n")
    with pytest.raises(PreparationError, match=r"data set: train\.txt, line 2: "):
        replace(small, brought=folder).get()


@pytest.mark.parametrize("wrong", ["elsewhere/", "Wiki10/"])
def test_a_download_of_something_else_is_not_kept(small, folder, monkeypatch, root, wrong):
    """Neither an archive without the files, nor one whose files are not the set: the next attempt must not find it."""
    (folder / "wiki10_train.txt").write_text("1 500 300\n0 1:1\n")
    content = zipped(folder, wrong).read_bytes()

    def fetched(remote, downloads):
        downloads.mkdir(parents=True)
        target = downloads / remote.name
        target.write_bytes(content)
        download.check(remote, target)
        return target

    monkeypatch.setattr(download, "fetch", fetched)
    with pytest.raises(DownloadError) as raised:
        small.get()
    assert "data get wiki10-31k --from FILE" in str(raised.value)
    assert small.archive is not None
    assert small.archive.remote.urls[0] in str(raised.value)
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


def test_the_papers_sets_are_here_with_an_address_each():
    papers = [found for name in datasets.names() if isinstance(found := datasets.get(name), XMCRepository)]
    names = {"wiki10-31k", "delicious-200k", "amazon-670k", "wikilshtc-325k", "eurlex-4k", "amazoncat-13k"}
    assert {one.name.removesuffix("-pecos") for one in papers} == names
    for one in papers:
        assert one.archive is not None
        assert one.archive.remote.urls


def test_a_corpus_is_known_by_the_file_inside(tmp_path, monkeypatch):
    text = bytes(range(250)) * 4
    enwik8 = datasets.text.get("enwik8")
    assert isinstance(enwik8, Mahoney)
    assert enwik8.archive is not None
    pinned = replace(enwik8.archive.members[0], sha256=hashlib.sha256(text).hexdigest())
    small = replace(enwik8, size=1000, archive=replace(enwik8.archive, members=(pinned,)))
    archive = tmp_path / "any name.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("enwik8", text)
    with pytest.raises(DatasetError, match="has sha256"):
        replace(enwik8, brought=archive).get()
    (tmp_path / "raw").write_bytes(text)
    replace(small, brought=tmp_path / "raw").get()
    (small.entry.folder / "meta.json").unlink()  # as if it were not here
    replace(small, brought=archive).get()
    assert small.load().train.tobytes() == text[:900]
    assert small.load().test.tobytes() == text[950:]


def test_a_pinned_digest_names_what_was_found(tmp_path):
    (tmp_path / "text8").write_bytes(b"abc")
    with pytest.raises(DatasetError) as raised:
        replace(datasets.text.get("text8"), brought=tmp_path).get()
    assert hashlib.sha256(b"abc").hexdigest() in str(raised.value)
