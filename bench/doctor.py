"""What this machine can run, and how to get the rest."""

import platform
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import torch

from bench.memory import reset_peak
from cuda_kernels import cubin, gpu, nvrtc
from cuda_kernels.emulator.build import compiler
from cuda_kernels.errors import DeviceError
from cuda_kernels.manifest import KERNELS
from mongoose.native.build import KernelBuildError, recipe, shared_object


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for. remedy: what to do to have it, empty where it is there."""

    what: str
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Everything worth knowing before a run."""
    return [
        Finding("Python", platform.python_version()),
        Finding("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"),
        _kernels(),
        _package("seaborn", "report figures", "report"),
        _package("nbclient", "notebooks", "notebooks"),
        _package("faiss-cpu", "FAISS peers", "ann"),
        *_cuda(),
        _memory_accounting(),
    ]


def _kernels() -> Finding:
    """Builds the kernels, as the first run would."""
    try:
        built = shared_object()
    except KernelBuildError as error:
        return Finding("CPU kernels", f"cannot be built; the ops run as plain torch. {error}", "install g++")
    made = recipe()
    tiles = ", matrix tiles for bfloat16" if torch.cpu._is_amx_tile_supported() else ", no matrix tiles for bfloat16"
    return Finding("CPU kernels", f"{built}, by {made.compiler} {' '.join(made.flags)}{tiles}")


def _package(name: str, purpose: str, extra: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, f"absent: no {purpose}", f"pip install -c constraints.txt '.[{extra}]'")


def _cuda() -> list[Finding]:
    """A line each: the GPU, CuPy, and what becomes of the CUDA kernels here."""
    return [_gpu(), _cupy(), _cuda_kernels(), _nvrtc()]


def _gpu() -> Finding:
    if torch.cuda.is_available():
        return Finding("GPU", torch.cuda.get_device_name())
    return Finding("GPU", "none that torch can use", "needs an NVIDIA GPU and a CUDA build of torch")


def _cupy() -> Finding:
    """Which CuPy is here, and whether it finds a GPU."""
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        return Finding("CuPy", f"absent: {error}", "pip install -c constraints.txt '.[cuda13]' or '.[cuda12]'")
    if not cupy.cuda.is_available():
        return Finding("CuPy", f"{cupy.__version__}, which finds no GPU", "needs an NVIDIA GPU and its driver")
    return Finding("CuPy", f"{cupy.__version__}, which finds a GPU")


def _cuda_kernels() -> Finding:
    reason = gpu.unavailable()
    where = "run on this GPU (backend cuda)" if reason is None else f"do not run on a GPU here: {reason}"
    try:
        emulated = f"run on the CPU, slowly, by {compiler()} (backend emulated)"
    except DeviceError as error:
        emulated = f"do not run in the emulator: {error}"
    return Finding("CUDA kernels", f"{len(KERNELS)}, which {where}; they {emulated}")


def _nvrtc() -> Finding:
    try:
        found = ".".join(map(str, nvrtc.version()))
        where = f"those that a GPU ran are kept in {cubin.directory()}"
        return Finding("NVRTC", f"{found}: CUDA kernels can be compiled without a GPU; {where}")
    except DeviceError as error:
        return Finding("NVRTC", f"absent: {error}", "pip install -c constraints.txt '.[cudacheck]'")


def _memory_accounting() -> Finding:
    if reset_peak():
        return Finding("peak memory", "of training alone")
    return Finding("peak memory", "of the whole process", "the kernel refuses /proc/self/clear_refs")
