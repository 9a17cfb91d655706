"""Entries of the cache are whole or not there: through kills, rivals, damage and full disks."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from datasets import cache
from datasets.base import ChecksumError, MissingFileError, PreparationError

ROOT = Path(__file__).parents[2]
KILLS = 40


def arrays(size: int = 30) -> dict[str, np.ndarray]:
    return {"ids": np.arange(size), "values": np.linspace(0, 1, 10 * size, dtype=np.float32)}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def entry() -> cache.Entry:
    return cache.Entry("example", "0123")


def store(entry: cache.Entry) -> None:
    entry.build(lambda: (arrays(), {"version": "1"}))


def test_what_was_stored_comes_back_mapped(entry):
    store(entry)
    for name, expected in arrays().items():
        found = entry.array(name)
        assert isinstance(found, np.memmap)
        np.testing.assert_array_equal(found, expected)
    assert entry.meta()["version"] == "1"
    entry.verify(contents=True)


def test_a_set_that_is_there_is_not_built_again(entry):
    store(entry)
    entry.build(lambda: pytest.fail("built again"))


def test_another_recipe_is_another_set(entry):
    store(entry)
    assert not cache.Entry("example", "4567").present


def test_pruning_removes_other_recipes_and_nothing_else(entry, root):
    older = cache.Entry("example", "4567")
    store(entry)
    store(older)
    (root / "example" / "downloads").mkdir()
    held = sum(file.stat().st_size for file in older.folder.iterdir())
    assert entry.prune() == held
    assert entry.prune() == 0
    assert entry.present
    entry.verify(contents=True)
    assert sorted(path.name for path in (root / "example").iterdir()) == ["0123", "downloads", "lock"]


def test_a_builder_that_fails_leaves_nothing(entry, root):
    def fail():
        raise PreparationError("the source is gone")

    with pytest.raises(PreparationError, match="the source is gone"):
        entry.build(fail)
    assert not entry.present
    assert [path.name for path in (root / "example").iterdir()] == ["lock"]


def test_a_changed_byte_is_found_when_contents_are_compared(entry):
    store(entry)
    path = entry.folder / "ids.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    entry.verify(contents=False)
    with pytest.raises(ChecksumError, match=r"ids\.npy"):
        entry.verify(contents=True)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_file_that_is_gone_or_cut_short_is_found_at_once(entry, damage):
    store(entry)
    damage(entry.folder / "values.npy")
    with pytest.raises(MissingFileError, match="data get example"):
        entry.verify(contents=False)


def test_a_folder_that_cannot_be_written_is_told_plainly(entry, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path / "file" / "below"))
    with pytest.raises(PreparationError, match="MONGOOSE_DATA"):
        store(entry)


def test_a_full_disk_leaves_nothing_and_is_told(entry, root, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.np, "save", full)
    with pytest.raises(PreparationError, match="No space left on device"):
        store(entry)
    assert [path.name for path in (root / "example").iterdir()] == ["lock"]


BUILDER = """
import numpy as np
from datasets import cache
entry = cache.Entry("example", "0123")
def make():
    print("making", flush=True)
    return {"ids": np.arange(2_000_000), "values": np.zeros(20_000_000, np.float32)}, {}
entry.build(make)
print("built", flush=True)
"""


def start(root: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"MONGOOSE_DATA": str(root), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", BUILDER], env=environment, cwd=ROOT, stdout=subprocess.PIPE)


def test_rivals_build_it_once(entry, root):
    rivals = [start(root) for _ in range(3)]
    told = b"".join(rival.communicate(timeout=60)[0] for rival in rivals)
    assert (told.count(b"making"), told.count(b"built")) == (1, 3)
    entry.verify(contents=True)


def test_a_builder_killed_at_any_instant_leaves_no_half_built_entry(entry, root):
    """The instants are spread over the time that a build takes from when it has its data."""
    took = seconds_to_store(root)
    seen = set()
    for instant in np.linspace(0, 1.2 * took, KILLS):
        builder = start(root)
        assert builder.stdout is not None
        builder.stdout.readline()
        time.sleep(instant)
        builder.send_signal(signal.SIGKILL)
        builder.wait()
        seen.add(entry.present)
        if entry.present:
            entry.verify(contents=True)
            (entry.folder / "meta.json").unlink()  # so that the next one has something to do
    assert seen == {True, False}
    store(entry)
    assert not list((root / "example").glob(cache.UNFINISHED + "*"))


def seconds_to_store(root: Path) -> float:
    builder = start(root)
    assert builder.stdout is not None
    builder.stdout.readline()
    began = time.monotonic()
    builder.wait()
    (root / "example" / "0123" / "meta.json").unlink()
    return time.monotonic() - began
