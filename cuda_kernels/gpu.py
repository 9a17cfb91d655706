"""Launches on an NVIDIA GPU, by CuPy; the only place that imports it."""

from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from cuda_kernels import cubin, nvrtc
from cuda_kernels.arguments import Argument, Launch
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
    cupy, index = _cupy(), asked.device.index
    stream = cupy.cuda.ExternalStream(torch.cuda.current_stream(asked.device).cuda_stream, index)
    values = tuple(_as_cupy(value, dtype) for value, dtype in asked.values)
    with cupy.cuda.Device(index), stream:
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


def _as_cupy(value: Argument, dtype: torch.dtype) -> Any:
    """A NumPy scalar of the argument's width: CuPy would pass an int as 64 bits and a float as a double."""
    numpy = import_module("numpy")
    if value is None or isinstance(value, Tensor):
        return numpy.uintp(0 if value is None else value.data_ptr())
    return getattr(numpy, {"bool": "bool_"}.get(name := str(dtype).removeprefix("torch."), name))(value)
