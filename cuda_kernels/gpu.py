"""Launches on an NVIDIA GPU, by CuPy; the only place that imports it."""

from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from cuda_kernels.arguments import Argument, Launch
from cuda_kernels.errors import DeviceError
from cuda_kernels.kernel import expressions
from cuda_kernels.manifest import KERNELS
from cuda_kernels.source import source

OPTIONS = ("-std=c++17", "-lineinfo")


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
    return None


def run(asked: Launch) -> None:
    """Queue a launch on torch's current stream of the tensors' device.

    Raises:
        DeviceError: there is no CuPy.
    """
    cupy, index = _cupy(), asked.device.index
    stream = cupy.cuda.ExternalStream(torch.cuda.current_stream(asked.device).cuda_stream, index)
    values = tuple(_as_cupy(value, dtype) for value, dtype in asked.values)
    with cupy.cuda.Device(index), stream:
        function = _module(asked.kernel.source).get_function(asked.expression)
        function(asked.grid, (asked.kernel.block, 1, 1), values, shared_mem=asked.dynamic)


def _cupy() -> Any:
    try:
        return import_module("cupy")
    except ImportError as error:
        raise DeviceError(
            f"kernels run on a GPU by CuPy, which cannot be imported: {error}; install an extra of cuda12 or cuda13."
        ) from None


@cache
def _module(name: str) -> Any:
    """The kernels of a file; compiled at their first launch in every process.

    CuPy writes what it compiled to disk, but does not read it again where it must learn the names of templates.
    """
    return _cupy().RawModule(code=source(name), options=OPTIONS, name_expressions=expressions(KERNELS, name))


def _as_cupy(value: Argument, dtype: torch.dtype) -> Any:
    """A NumPy scalar of the argument's width: CuPy would pass an int as 64 bits and a float as a double."""
    numpy = import_module("numpy")
    if value is None or isinstance(value, Tensor):
        return numpy.uintp(0 if value is None else value.data_ptr())
    return getattr(numpy, {"bool": "bool_"}.get(name := str(dtype).removeprefix("torch."), name))(value)
