"""Calls of the compiled kernels."""

import ctypes
from functools import cache

import torch
from torch import Tensor

from mongoose.native.build import KernelBuildError, shared_object

SUFFIXES = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16"}


@cache
def library() -> ctypes.CDLL:
    """The kernels, built first where they are not in the cache; KernelBuildError where that is impossible.

    Built by g++, they find the OpenMP runtime that torch has loaded, so the process has one pool of threads.
    """
    try:
        return ctypes.CDLL(str(shared_object()))
    except OSError as error:
        raise KernelBuildError(f"the built kernels cannot be loaded: {error}; set MONGOOSE_CACHE elsewhere.") from None


def call(kernel: str, *arguments: Tensor | int | float | None) -> None:
    """Run a kernel on as many threads as torch uses.

    Every kernel takes the number of threads first; then an array is a pointer, an int an int64_t, a float a double,
    and None the null pointer. Tensors must be contiguous: the caller sees to it.
    """
    getattr(library(), kernel)(ctypes.c_int64(torch.get_num_threads()), *map(_as_c, arguments))


def count(kernel: str, *arguments: Tensor | int | float | None) -> int:
    """`call` of a kernel that returns an int64_t."""
    function = getattr(library(), kernel)
    function.restype = ctypes.c_int64
    found: int = function(ctypes.c_int64(torch.get_num_threads()), *map(_as_c, arguments))
    return found


def instance(kernel: str, dtype: torch.dtype) -> str:
    """The name of a kernel's instance for a dtype.

    Raises:
        ValueError: there is none.
    """
    name = f"{kernel}_{SUFFIXES.get(dtype, dtype)}"
    if not hasattr(library(), name):
        raise ValueError(f"kernel {kernel} has no form for {dtype}; use torch.float32, torch.float64 or 'reference'.")
    return name


def _as_c(value: Tensor | int | float | None) -> ctypes.c_void_p | ctypes.c_int64 | ctypes.c_double:
    if isinstance(value, Tensor):
        if not value.is_contiguous():
            raise ValueError(f"a kernel was given a tensor of strides {value.stride()}; it takes contiguous ones.")
        return ctypes.c_void_p(value.data_ptr())
    if value is None:
        return ctypes.c_void_p(None)
    return ctypes.c_double(value) if isinstance(value, float) else ctypes.c_int64(value)
