"""Cubins on disk: one compilation a machine, and no damaged, half-written or outdated file is used."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cuda_kernels import cubin, nvrtc
from cuda_kernels.cubin import Kept, kept
from cuda_kernels.errors import DeviceError
from cuda_kernels.nvrtc import Compiled

ROOT = Path(__file__).parents[2]
INSTANCES = ("scale<float>", "scale<double>")
TEXT = """
template <class T>
__global__ void scale(T* x, T by) { x[threadIdx.x] *= by; }
"""
# A process of its own that asks for a cubin. Compiling writes to a log, and lasts while there is a file called "wait".
PROGRAM = """
import sys, time
from pathlib import Path
from cuda_kernels import cubin, nvrtc

log = Path(sys.argv[1])

def compile_text(name, text, instances, architecture):
    with log.open("a") as file:
        file.write("compiled\\n")
    while log.with_name("wait").exists():
        time.sleep(0.02)
    return nvrtc.Compiled(b"code", "", {instance: f"_{instance}" for instance in instances})

nvrtc.compile_text, nvrtc.version = compile_text, lambda: (13, 0)
print("asks", flush=True)
found = cubin.kept("scale.cu", "text", ["scale<float>"], 90)
print(found.path.read_bytes(), found.names)
"""
ANSWER = "b'code' {'scale<float>': '_scale<float>'}\n"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MONGOOSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cuda"


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The compiler is replaced by one whose code is a digest of what it was given; the texts that it compiled."""
    done: list[str] = []

    def compile_text(name: str, text: str, instances: tuple[str, ...], architecture: int) -> Compiled:
        done.append(text)
        code = f"{text} {instances} {architecture} {nvrtc.OPTIONS}".encode()
        return Compiled(code, "", {instance: f"_Z_{instance}" for instance in instances})

    monkeypatch.setattr(nvrtc, "compile_text", compile_text)
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 0))
    return done


def scale(text: str = TEXT, instances: tuple[str, ...] = INSTANCES, architecture: int = 90) -> Kept:
    return kept("scale.cu", text, instances, architecture)


def start(log: Path) -> "subprocess.Popen[str]":
    """A process that is about to ask."""
    command, environment = [sys.executable, "-c", PROGRAM, str(log)], os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "asks\n"
    return process


def test_the_real_compiler_s_code_has_the_names() -> None:
    try:
        nvrtc.version()
    except DeviceError as error:
        pytest.skip(str(error))
    found = scale(architecture=75)
    assert found.path.read_bytes().startswith(b"\x7fELF")
    assert found.path.name.startswith("scale-sm_75-")
    assert set(found.names) == set(INSTANCES)
    assert all(name.encode() in found.path.read_bytes() for name in found.names.values())
    assert scale(architecture=75) == found


def test_a_second_process_does_not_compile(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert [start(log).communicate()[0] for _ in range(2)] == [ANSWER, ANSWER]
    assert log.read_text() == "compiled\n"


def test_processes_at_once_compile_once(tmp_path: Path) -> None:
    log, wait = tmp_path / "log", tmp_path / "wait"
    wait.touch()
    asking = [start(log) for _ in range(3)]
    time.sleep(0.5)  # the first compiles, and the others would too if they did not wait for it
    wait.unlink()
    assert [process.communicate()[0] for process in asking] == 3 * [ANSWER]
    assert log.read_text() == "compiled\n"


def test_a_process_that_is_killed_while_it_compiles_is_in_nobody_s_way(tmp_path: Path) -> None:
    log, wait = tmp_path / "log", tmp_path / "wait"
    wait.touch()
    killed = start(log)
    while not log.exists():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    wait.unlink()
    assert start(log).communicate()[0] == ANSWER
    assert log.read_text() == 2 * "compiled\n"


def test_whatever_decides_the_code_tells_cubins_apart(compilations: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [scale(), scale(TEXT + "//"), scale(architecture=80), scale(instances=INSTANCES[:1])]
    monkeypatch.setattr(nvrtc, "OPTIONS", (*nvrtc.OPTIONS, "-G"))
    found.append(scale())
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 1))
    found.append(scale())
    assert len({kept.path for kept in found}) == len(compilations) == len(found)
    scale()
    assert len(compilations) == len(found)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def scribble(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[3] ^= 255
    file.write_bytes(content)


def nest(file: Path) -> None:
    file.write_text("[]")


@pytest.mark.parametrize("suffix", [".cubin", ".json"])
@pytest.mark.parametrize("damage", [truncate, scribble, nest, Path.unlink])
def test_a_damaged_file_is_compiled_anew(
    compilations: list[str], cache: Path, damage: Callable[[Path], None], suffix: str
) -> None:
    whole = scale()
    content = whole.path.read_bytes()
    damage(whole.path.with_suffix(suffix))
    assert scale() == whole
    assert whole.path.read_bytes() == content
    assert len(compilations) == 2
    assert {file.suffix for file in cache.iterdir()} == {".cubin", ".json", ".lock"}


def test_a_full_disk_leaves_nothing_behind(
    compilations: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_bytes(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(DeviceError, match=r"No space left.*set MONGOOSE_CACHE"):
            scale()
    assert {file.suffix for file in cache.iterdir()} == {".lock"}
    assert scale().path.exists()


def test_a_cache_that_cannot_be_written_is_named(
    compilations: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MONGOOSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DeviceError, match="set MONGOOSE_CACHE"):
        scale()


def test_the_compiler_is_that_of_torch_s_cuda_and_else_the_newest() -> None:
    twelve, thirteen = Path("cuda_nvrtc/lib/libnvrtc.so.12"), Path("cu13/lib/libnvrtc.so.13")
    assert nvrtc._chosen([twelve, thirteen], "12.8") == twelve
    assert nvrtc._chosen([twelve, thirteen], "13.0") == thirteen
    assert nvrtc._chosen([thirteen, twelve], None) == thirteen
    assert nvrtc._chosen([twelve], "13.0") == twelve
    assert nvrtc._chosen([], "13.0") is None


def test_without_the_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc, "_installed", list)
    nvrtc._library.cache_clear()
    with pytest.raises(DeviceError, match="pip install nvidia-cuda-nvrtc"):
        scale()
    assert not cubin.directory().exists()
