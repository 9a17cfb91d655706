"""Launches by CuPy, with a stand-in for it: what it is handed, and what is said where it or a GPU is missing."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cuda_kernels import gpu, nvrtc
from cuda_kernels.arguments import Launch, bind
from cuda_kernels.errors import DeviceError
from cuda_kernels.kernel import expressions
from cuda_kernels.manifest import KERNELS
from cuda_kernels.nvrtc import Compiled
from cuda_kernels.source import source

STREAM = 4711
NVRTC_VERSION = nvrtc.version


@dataclass
class Within:
    """A device or stream of CuPy, which can be entered again and again; `entered` lists those that are."""

    entered: list[str]
    what: str

    def __enter__(self) -> None:
        self.entered.append(self.what)

    def __exit__(self, *_: Any) -> None:
        self.entered.remove(self.what)


@dataclass
class StandIn:
    """As much of the module `cupy` as `gpu` uses. It notes modules that are made, and launches with where they went.

    deprecates: as CuPy 14.2, which has `Stream.from_external`, does `ExternalStream`.
    """

    has_gpu: bool = True
    deprecates: bool = True
    streams: int = 0
    modules: list[dict[str, Any]] = field(default_factory=list)
    launches: list[dict[str, Any]] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)

    @property
    def cuda(self) -> Any:
        return SimpleNamespace(
            is_available=lambda: self.has_gpu,
            ExternalStream=self._external,
            Stream=SimpleNamespace(**({"from_external": self._stream} if self.deprecates else {})),
            Device=lambda index: Within(self.entered, f"device {index}"),
        )

    def _external(self, pointer: int, device: int) -> "Within":
        assert not self.deprecates
        self.streams += 1
        return Within(self.entered, f"stream {pointer}")

    def _stream(self, of_torch: Any) -> "Within":
        self.streams += 1
        version, pointer = of_torch.__cuda_stream__()
        assert version == 0
        return Within(self.entered, f"stream {pointer}")

    def RawModule(self, *, path: str) -> Any:  # noqa: N802
        self.modules.append({"path": path, "where": list(self.entered)})
        return SimpleNamespace(get_function=self._function)

    def _function(self, name: str) -> Any:
        def launch(grid: Any, block: Any, values: Any, shared_mem: int) -> None:
            launched = {"name": name, "grid": grid, "block": block, "values": values, "shared_mem": shared_mem}
            self.launches.append(launched | {"where": list(self.entered)})

        return launch


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """An empty cache, and a compiler that only notes what it was asked for."""
    done: list[tuple[Any, ...]] = []

    def compile_text(name: str, text: str, instances: Sequence[str], architecture: int) -> Compiled:
        done.append((name, text, instances, architecture))
        return Compiled(b"code", "", {instance: f"lowered {instance}" for instance in instances})

    monkeypatch.setenv("MONGOOSE_CACHE", str(tmp_path))
    monkeypatch.setattr(nvrtc, "compile_text", compile_text)
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 0))
    return done


def start_anew() -> None:
    """As in a process that has launched nothing."""
    for remembered in (gpu._function, gpu._code, gpu._architecture, gpu._cuda, gpu._stream):
        remembered.cache_clear()


@pytest.fixture
def cupy(compiled: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=STREAM))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, index))
    start_anew()
    yield stand_in
    start_anew()


def asked(**changes: Any) -> Launch:
    """A launch of simhash on tensors that claim to lie on the second GPU."""
    given = {
        "x": torch.zeros(37, 5),
        "planes": torch.zeros(5, 12),
        "offset": None,
        "codes": torch.zeros(37, 3, dtype=torch.int32),
        "K": 4,
    }
    return replace(bind(KERNELS["simhash"], given | changes), device=torch.device("cuda", 1))


def test_a_launch_goes_to_torch_s_stream_with_pointers_and_numbers_of_the_kernel_s_width(cupy: StandIn) -> None:
    numpy = pytest.importorskip("numpy")
    x = torch.ones(37, 5)
    gpu.run(asked(x=x))
    (launched,) = cupy.launches
    values = launched.pop("values")
    assert launched == {
        "name": "lowered simhash<float, int>",
        "grid": (3, 1, 1),
        "block": (128, 1, 1),
        "shared_mem": 64,
        "where": ["device 1", f"stream {STREAM}"],
    }
    assert [type(value) for value in values] == 4 * [numpy.uintp] + 4 * [numpy.int64]
    assert values[0] == x.data_ptr()
    assert [int(value) for value in values[2:3] + values[4:]] == [0, 37, 5, 3, 4]


@pytest.mark.parametrize("deprecates", [True, False])
def test_launches_follow_torch_s_stream_and_every_stream_is_made_once(
    cupy: StandIn, monkeypatch: pytest.MonkeyPatch, deprecates: bool
) -> None:
    cupy.deprecates = deprecates
    for pointer in (STREAM, 0, STREAM, 0):
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device, p=pointer: SimpleNamespace(cuda_stream=p))
        gpu.run(asked())
    assert [launched["where"][1] for launched in cupy.launches] == [f"stream {p}" for p in (STREAM, 0, STREAM, 0)]
    assert cupy.streams == 2


def test_numbers_have_the_width_of_their_dtype(cupy: StandIn) -> None:
    numpy = pytest.importorskip("numpy")
    rows = {name: torch.zeros(4, 2) for name in ("param", "mean", "square", "gradient")}
    numbers = dict.fromkeys(("lr", "beta1", "beta2", "log_beta1", "log_beta2", "eps"), 0.5) | {"decay": 1}
    given = {**rows, "rows": None, "steps": torch.zeros(1, dtype=torch.int64), **numbers}
    gpu.run(replace(bind(KERNELS["row_adam"], given), device=torch.device("cuda", 0)))
    values = cupy.launches[0]["values"]
    assert [type(value) for value in values] == 6 * [numpy.uintp] + 3 * [numpy.int64] + 7 * [numpy.float64]
    assert [float(value) for value in values[6:]] == [4, 2, 1, *6 * [0.5], 1]


def test_a_file_is_compiled_once_with_all_its_instances_for_the_tensors_device(
    cupy: StandIn, compiled: list[tuple[Any, ...]]
) -> None:
    gpu.run(asked())
    gpu.run(asked())
    gpu.run(asked(codes=torch.zeros(37, 3, dtype=torch.int64)))
    assert compiled == [("simhash.cu", source("simhash.cu"), expressions(KERNELS, "simhash.cu"), 91)]


def test_code_is_loaded_from_disk_on_the_device_of_the_tensors(cupy: StandIn) -> None:
    gpu.run(asked())
    gpu.run(asked())
    (loaded,) = cupy.modules
    assert Path(loaded["path"]).read_bytes() == b"code"
    assert loaded["where"][0] == "device 1"


def test_a_second_process_does_not_compile(cupy: StandIn, compiled: list[tuple[Any, ...]]) -> None:
    for _ in range(2):
        gpu.run(asked())
        start_anew()
    assert len(compiled) == 1
    assert len({loaded["path"] for loaded in cupy.modules}) == 1
    assert len(cupy.launches) == 2


def test_a_changed_text_compiles_anew(
    cupy: StandIn, compiled: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu.run(asked())
    start_anew()
    monkeypatch.setattr(gpu, "source", lambda name: source(name) + "// changed\n")
    gpu.run(asked())
    assert len(compiled) == 2
    assert len({loaded["path"] for loaded in cupy.modules}) == 2


def test_devices_of_two_architectures_have_code_of_their_own(cupy: StandIn, compiled: list[tuple[Any, ...]]) -> None:
    gpu.run(asked())
    gpu.run(replace(asked(), device=torch.device("cuda", 0)))
    assert [architecture for *_, architecture in compiled] == [91, 90]
    assert len({loaded["path"] for loaded in cupy.modules}) == 2


def test_a_truncated_file_is_compiled_anew(cupy: StandIn, compiled: list[tuple[Any, ...]]) -> None:
    gpu.run(asked())
    Path(cupy.modules[0]["path"]).write_bytes(b"co")
    start_anew()
    gpu.run(asked())
    assert len(compiled) == 2
    assert Path(cupy.modules[1]["path"]).read_bytes() == b"code"


def test_nothing_is_compiled_where_there_is_no_gpu(cupy: StandIn, compiled: list[tuple[Any, ...]]) -> None:
    cupy.has_gpu = False
    assert gpu.unavailable() == "CuPy finds no GPU: no NVIDIA driver, or no device."
    assert not compiled


def test_without_nvrtc_the_reason_says_what_to_install(cupy: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(nvrtc, "version", NVRTC_VERSION)
    monkeypatch.setattr(nvrtc, "_installed", list)
    nvrtc._library.cache_clear()
    assert "pip install nvidia-cuda-nvrtc" in str(gpu.unavailable())
    with pytest.raises(DeviceError, match="pip install nvidia-cuda-nvrtc"):
        gpu.run(asked())
    assert not cupy.launches


def test_torch_must_find_the_gpu_too(cupy: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no GPU; install a CUDA build of it" in str(gpu.unavailable())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert gpu.unavailable() is None


def test_without_cupy_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "install an extra of cuda12 or cuda13" in str(gpu.unavailable())
