"""Launches on an NVIDIA GPU, by CuPy; the only place that imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from cuda_kernels import cubin, nvrtc
from cuda_kernels.arguments import Launch
from cuda_kernels.errors import DeviceError
from cuda_kernels.kernel import expressions
from cuda_kernels.manifest import KERNELS
from cuda_kernels.source import source


def unavailable() -> str | None:
    """Why kernels cannot run on a GPU here; None where they can."""
    try:
        cupy = _cupy()
    except DeviceError as error:
        return str(error)
    if not cupy.cuda.is_available():
        return "CuPy finds no GPU: no NVIDIA driver, or no device."
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no GPU; install a CUDA build of it."
    try:
        nvrtc.version()
    except DeviceError as error:
        return str(error)
    return None


def run(asked: Launch) -> None:
    """Queue a launch on torch's current stream of the tensors' device.

    Raises:
        DeviceError: there is no CuPy or no NVRTC, or the kernel cannot be compiled or kept.
    """
    index, values = asked.device.index, _packed(asked)
    stream = _stream(torch.cuda.current_stream(index).cuda_stream, index)
    with _cuda().Device(index), stream:
        function = _function(asked.kernel.source, asked.expression, index)
        function(asked.grid, (asked.kernel.block, 1, 1), values, shared_mem=asked.dynamic)


def _cupy() -> Any:
    try:
        return import_module("cupy")
    except ImportError as error:
        raise DeviceError(
            f"kernels run on a GPU by CuPy, which cannot be imported: {error}; install an extra of cuda12 or cuda13."
        ) from None


@cache
def _function(name: str, instance: str, index: int) -> Any:
    """A kernel of a file, loaded on the current device, whose index is given."""
    code = _code(name, _architecture(index))
    return _cupy().RawModule(path=str(code.path)).get_function(code.names[instance])


@cache
def _code(name: str, architecture: int) -> cubin.Kept:
    """The kernels of a file. Not by CuPy's compiler: not every CuPy 14 keeps the names of templates on disk."""
    return cubin.kept(name, source(name), expressions(KERNELS, name), architecture)


@cache
def _architecture(index: int) -> int:
    major, minor = torch.cuda.get_device_capability(index)
    return 10 * major + minor


@cache
def _cuda() -> Any:
    return _cupy().cuda


@cache
def _stream(pointer: int, index: int) -> Any:
    """A stream of torch's, as CuPy's; torch keeps streams in a pool, so that they are few."""
    if hasattr(_cuda().Stream, "from_external"):
        return _cuda().Stream.from_external(_Stream(pointer))
    return _cuda().ExternalStream(pointer, index)  # CuPy 14.2 deprecates it


@dataclass(frozen=True)
class _Stream:
    """CUDA's protocol for streams, which not every version of torch has."""

    pointer: int

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.pointer


def _packed(asked: Launch) -> tuple[Any, ...]:
    """Pointers, and numbers of the arguments' widths: CuPy would pass an int as 64 bits and a float as a double."""
    pointer, numbers = _scalars()
    packed = []
    for value, dtype in asked.values:
        if isinstance(value, Tensor):
            packed.append(pointer(value.data_ptr()))
        else:
            packed.append(pointer(0) if value is None else numbers[dtype](value))
    return tuple(packed)


@cache
def _scalars() -> tuple[Any, Mapping[torch.dtype, Any]]:
    """NumPy's scalars of a pointer, and of dtypes."""
    numpy = import_module("numpy")
    dtypes = (torch.float32, torch.float64, torch.int32, torch.int64, torch.bool)
    return numpy.uintp, {dtype: numpy.dtype(str(dtype).removeprefix("torch.")).type for dtype in dtypes}
