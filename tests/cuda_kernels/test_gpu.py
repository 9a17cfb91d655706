"""Launches by CuPy, with a stand-in for it: what it is handed, and what is said where it or a GPU is missing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cuda_kernels import gpu
from cuda_kernels.arguments import Launch, bind
from cuda_kernels.kernel import expressions
from cuda_kernels.manifest import KERNELS
from cuda_kernels.source import source

STREAM = 4711


@dataclass
class StandIn:
    """As much of the module `cupy` as `gpu` uses. It notes modules that are made, and launches with where they went."""

    has_gpu: bool = True
    modules: list[dict[str, Any]] = field(default_factory=list)
    launches: list[dict[str, Any]] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)

    @property
    def cuda(self) -> Any:
        return SimpleNamespace(
            is_available=lambda: self.has_gpu,
            ExternalStream=lambda pointer, device: self._within(f"stream {pointer} of device {device}"),
            Device=lambda index: self._within(f"device {index}"),
        )

    @contextmanager
    def _within(self, what: str) -> Iterator[None]:
        self.entered.append(what)
        yield
        self.entered.remove(what)

    def RawModule(self, **given: Any) -> Any:  # noqa: N802
        self.modules.append(given)
        return SimpleNamespace(get_function=self._function)

    def _function(self, name: str) -> Any:
        def launch(grid: Any, block: Any, values: Any, shared_mem: int) -> None:
            launched = {"name": name, "grid": grid, "block": block, "values": values, "shared_mem": shared_mem}
            self.launches.append(launched | {"where": list(self.entered)})

        return launch


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=STREAM))
    gpu._module.cache_clear()
    yield stand_in
    gpu._module.cache_clear()


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
        "name": "simhash<float, int>",
        "grid": (3, 1, 1),
        "block": (128, 1, 1),
        "shared_mem": 64,
        "where": ["device 1", f"stream {STREAM} of device 1"],
    }
    assert [type(value) for value in values] == 4 * [numpy.uintp] + 4 * [numpy.int64]
    assert values[0] == x.data_ptr()
    assert [int(value) for value in values[2:3] + values[4:]] == [0, 37, 5, 3, 4]


def test_a_file_is_compiled_once_with_all_its_instances(cupy: StandIn) -> None:
    gpu.run(asked())
    gpu.run(asked())
    (made,) = cupy.modules
    assert made["code"] == source("simhash.cu")
    assert made["name_expressions"] == expressions(KERNELS, "simhash.cu")
    assert "-std=c++17" in made["options"]


def test_nothing_is_compiled_where_there_is_no_gpu(cupy: StandIn) -> None:
    cupy.has_gpu = False
    assert gpu.unavailable() == "CuPy finds no GPU: no NVIDIA driver, or no device."
    assert not cupy.modules


def test_torch_must_find_the_gpu_too(cupy: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no GPU; install a CUDA build of it" in str(gpu.unavailable())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert gpu.unavailable() is None


def test_without_cupy_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "install an extra of cuda12 or cuda13" in str(gpu.unavailable())
