"""What `doctor` says of CUDA, by what is there."""

import sys
from types import SimpleNamespace

import pytest

from bench import doctor
from cuda_kernels import nvrtc
from cuda_kernels.errors import DeviceError
from cuda_kernels.manifest import KERNELS


def said() -> dict[str, str]:
    return {finding.what: finding.found for finding in doctor._cuda()}


def cupy(has_gpu: bool) -> SimpleNamespace:
    return SimpleNamespace(__version__="14.9", cuda=SimpleNamespace(is_available=lambda: has_gpu))


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    found = said()
    assert found["CuPy"].startswith("absent: ")
    assert f"{len(KERNELS)}, which do not run on a GPU here: kernels run on a GPU by CuPy" in found["CUDA kernels"]


def test_with_cupy_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy(has_gpu=False))
    found = said()
    assert found["CuPy"] == "14.9, which finds no GPU"
    assert "do not run on a GPU here: CuPy finds no GPU: no NVIDIA driver, or no device." in found["CUDA kernels"]
    assert "backend emulated" in found["CUDA kernels"]


def test_with_cupy_and_a_gpu_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", cupy(has_gpu=True))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = said()
    assert found["CuPy"] == "14.9, which finds a GPU"
    assert "install a CUDA build of it" in found["CUDA kernels"]


def test_without_a_compiler_and_without_nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DeviceError("there is none.")

    monkeypatch.setattr(doctor, "compiler", fail)
    monkeypatch.setattr(nvrtc, "version", fail)
    assert "do not run in the emulator: there is none." in said()["CUDA kernels"]
    assert said()["NVRTC"] == "absent: there is none."
