"""Calls of the compiled kernels."""

import ctypes
from functools import cache

import torch
from torch import Tensor

from mongoose.native.build import shared_object

SUFFIXES = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16"}


@cache
def library() -> ctypes.CDLL:
    """The kernels, built first where they are not in the cache; KernelBuildError where that is impossible.

    They are linked against the OpenMP runtime that torch has loaded, so the process has one pool of threads.
    """
    return ctypes.CDLL(str(shared_object()))


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
    """The name of a kernel's instance for a dtype."""
    return f"{kernel}_{SUFFIXES[dtype]}"


def _as_c(value: Tensor | int | float | None) -> ctypes.c_void_p | ctypes.c_int64 | ctypes.c_double:
    if isinstance(value, Tensor):
        assert value.is_contiguous(), f"a kernel was given a tensor of strides {value.stride()}"
        return ctypes.c_void_p(value.data_ptr())
    if value is None:
        return ctypes.c_void_p(None)
    return ctypes.c_double(value) if isinstance(value, float) else ctypes.c_int64(value)
