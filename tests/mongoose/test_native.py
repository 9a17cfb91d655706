"""The build of the kernels: what is missing is said, and no two builds and no broken one are in each other's way."""

import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from mongoose.native import build
from mongoose.native.build import KernelBuildError, recipe, shared_object
from mongoose.native.library import library
from mongoose.ops import backend as backends
from mongoose.ops.simhash import simhash

ROOT = Path(__file__).parents[2]
KERNEL = 'extern "C" int answer() { return 42; }\n'
# A process of its own that builds the sources in a folder and calls the kernel.
PROGRAM = """
import ctypes, sys
from pathlib import Path
from mongoose.native import build
build.SOURCES = Path(sys.argv[1])
print(ctypes.CDLL(str(build.shared_object())).answer())
"""

# Linking writes a part of its output and goes no further, as long as the file {waits} is there.
STALLED_LINK = """
case "$*" in
*" -c "* | *" -E "*) ;;
*)  if [ -e {waits} ]; then
        shift $(($# - 1))
        head -c 100 /dev/zero > "$1"
        sleep 3
        exit 1
    fi ;;
esac
"""


@pytest.fixture(scope="module", autouse=True)
def backend() -> None:
    """These tests choose the backend themselves."""


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache, and a process that has not loaded the kernels or chosen a backend."""
    monkeypatch.setenv("MONGOOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(backends, "_current", None)
    library.cache_clear()
    yield tmp_path / "cache"
    library.cache_clear()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with one small kernel in place of the real ones, which take seconds to build."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "kernel.cpp").write_text(KERNEL)
    monkeypatch.setattr(build, "SOURCES", folder)
    return folder


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """`compiler(script)` makes CXX run a shell script before the real compiler; returns the log of what was asked."""

    def install(script: str) -> Path:
        log, wrapper = tmp_path / "compiler.log", tmp_path / "compiler"
        real = shutil.which("g++") or shutil.which("clang++")
        wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{script}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setenv("CXX", str(wrapper))
        log.touch()
        return log

    return install


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns when it holds; fails after half a minute."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(0.02)


@pytest.mark.parametrize(("variable", "value"), [("PATH", ""), ("CXX", "/nowhere/g++")])
def test_without_a_compiler_cpu_says_so_and_stays_unchosen(
    cache: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv(variable, value)
    before = backends._current
    with pytest.raises(KernelBuildError, match=r"no C\+\+ compiler.*install g\+\+"):
        backends.use("cpu")
    assert backends._current == before


def test_without_a_compiler_auto_warns_once_and_the_definitions_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "/nowhere/g++")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert backends.current() == "reference"
        assert backends.current() == "reference"
        assert simhash(torch.ones(1, 2), torch.ones(2, 3), 1).tolist() == [[7]]
    assert len(told) == 1
    assert "/nowhere/g++" in str(told[0].message)


def test_an_error_shows_what_the_compiler_said(cache: Path, sources: Path) -> None:
    (sources / "broken.cpp").write_text("int broken( { }\n")
    with pytest.raises(KernelBuildError, match=r"broken\.cpp:1:.*error"):
        shared_object()
    assert not list(cache.glob("*.so"))


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MONGOOSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(KernelBuildError, match="set MONGOOSE_CACHE"):
        shared_object()


def test_the_key_tells_flags_sources_and_compilers_apart(
    sources: Path, compiler: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [recipe().key()]
    assert recipe().key() == keys[0]
    monkeypatch.setenv("MONGOOSE_KERNEL_FLAGS", "-O1")
    keys.append(recipe().key())
    monkeypatch.delenv("MONGOOSE_KERNEL_FLAGS")
    (sources / "kernel.cpp").write_text(KERNEL.replace("42", "43"))
    keys.append(recipe().key())
    (sources / "kernel.h").write_text("")
    keys.append(recipe().key())
    compiler("")
    keys.append(recipe().key())
    assert len(set(keys)) == 5


def test_a_built_object_is_used_again(cache: Path, sources: Path, compiler: Callable[[str], Path]) -> None:
    log = compiler("")
    first = shared_object()
    made = first.stat().st_mtime_ns
    assert shared_object() == first
    assert first.stat().st_mtime_ns == made
    assert sum(" -c " in line for line in log.read_text().splitlines()) == 1


def test_two_processes_at_once_build_once(cache: Path, sources: Path, compiler: Callable[[str], Path]) -> None:
    log = compiler('case "$*" in *" -c "*) sleep 1;; esac')
    both = [start(sources), start(sources)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["42", "42"]
    assert sum(" -c " in line for line in log.read_text().splitlines()) == 1
    assert len(list(cache.glob("*.so"))) == 1


def test_a_killed_build_leaves_nothing_that_is_taken_for_whole(
    cache: Path, sources: Path, compiler: Callable[[str], Path], tmp_path: Path
) -> None:
    """The builder is killed while it links: the link has begun to write, the lock is held."""
    waits = tmp_path / "waits"
    waits.touch()
    compiler(STALLED_LINK.format(waits=waits))
    process = start(sources)
    wait_for(lambda: bool(list(cache.glob("*/kernels.so"))))
    process.kill()
    process.wait()
    assert not list(cache.glob("kernels-*.so"))
    waits.unlink()
    after = start(sources)
    assert after.communicate(timeout=60)[0].strip() == "42"
