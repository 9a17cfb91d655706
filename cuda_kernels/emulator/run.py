"""Launches in the emulator."""

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from cuda_kernels.arguments import Argument, Launch
from cuda_kernels.emulator.build import flavour, shared_object
from cuda_kernels.errors import DeviceError, ManifestError
from cuda_kernels.kernel import Instance, Kernel, expressions
from cuda_kernels.manifest import KERNELS
from cuda_kernels.source import source

Order = Literal["forward", "reverse", "random"]
ORDERS: tuple[Order, ...] = ("forward", "reverse", "random")
C_TYPES: "dict[torch.dtype, type[ctypes._SimpleCData[Any]]]" = {
    torch.float32: ctypes.c_float,
    torch.float64: ctypes.c_double,
    torch.int32: ctypes.c_int32,
    torch.int64: ctypes.c_int64,
    torch.bool: ctypes.c_bool,
}
MESSAGE = 1024

_one_at_a_time = threading.Lock()  # the emulator has one set of threads; ctypes lets others run meanwhile


@dataclass(frozen=True)
class Schedule:
    """In what order blocks, warps and lanes run. seed: of a random one."""

    order: Order = "forward"
    seed: int = 0


_schedule = Schedule()


@contextmanager
def scheduled(order: Order, seed: int = 0) -> Iterator[None]:
    """Launches of a block run in this order. No result may depend on it but sums of floating-point atomics."""
    global _schedule
    before, _schedule = _schedule, Schedule(order, seed)
    try:
        yield
    finally:
        _schedule = before


class EmulatorError(DeviceError):
    """The emulator reports a fault of the kernel, such as a divergent barrier; names file and line."""


class _Geometry(ctypes.Structure):
    """`Geometry` of entry.h."""

    _fields_ = [
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("dynamic_bytes", ctypes.c_size_t),
        ("order", ctypes.c_int),
        ("seed", ctypes.c_uint),
    ]


@dataclass(frozen=True)
class Module:
    """The built kernels of a text. instances: in the order in which they were exported."""

    library: ctypes.CDLL
    instances: tuple[str, ...]

    @classmethod
    def load(cls, name: str, text: str, instances: Sequence[str]) -> "Module":
        """Build a text, in this process's flavour, where it is not in the cache; DeviceError if that is impossible."""
        return cls(ctypes.CDLL(str(shared_object(name, text, instances, flavour()))), tuple(instances))

    def signature(self, instance: str) -> str:
        """The argument types in the text: `const float32*, int64`."""
        function = self._function("signature", instance)
        function.restype = ctypes.c_char_p
        text: bytes = function()
        return text.decode()

    def run(
        self,
        instance: str,
        grid: tuple[int, int, int],
        block: int,
        values: Sequence[tuple[Argument, torch.dtype]],
        dynamic: int = 0,
    ) -> None:
        """Run every thread of the grid.

        Raises:
            EmulatorError: threads wait for each other in vain, or meet where they must not.
        """
        held = [_as_c(value, dtype) for value, dtype in values]
        pointers = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        geometry = _Geometry(grid, (block, 1, 1), dynamic, ORDERS.index(_schedule.order), _schedule.seed)
        message = ctypes.create_string_buffer(MESSAGE)
        with _one_at_a_time:
            failed = self._function("launch", instance)(
                pointers, ctypes.byref(geometry), message, ctypes.c_size_t(MESSAGE)
            )
        if failed:
            raise EmulatorError(f"kernel {instance}: {message.value.decode()}")

    def _function(self, what: str, instance: str) -> "ctypes._NamedFuncPointer":
        return getattr(self.library, f"{what}_{self.instances.index(instance)}")  # type: ignore[no-any-return]


def _as_c(value: Argument, dtype: torch.dtype) -> "ctypes._SimpleCData[Any]":
    if value is None or isinstance(value, Tensor):
        return ctypes.c_void_p(None if value is None else value.data_ptr())
    return C_TYPES[dtype](value)


@cache
def module(name: str) -> Module:
    """The kernels of a file of the manifest."""
    return Module.load(name, source(name), expressions(KERNELS, name))


def check_signature(kernel: Kernel, instance: Instance) -> None:
    """ManifestError, if the text's argument types are not those of the manifest's entry."""
    _check_signature(kernel.source, kernel.expression(instance), kernel.signature(instance))


@cache
def _check_signature(name: str, instance: str, wanted: str) -> None:
    found = module(name).signature(instance)
    if found != wanted:
        raise ManifestError(f"{name} declares {instance}({found}); its manifest entry says ({wanted}).")


def run(asked: Launch) -> None:
    """Run a launch on CPU tensors.

    Raises:
        EmulatorError: as `Module.run`.
        ManifestError: the text's argument types are not those of the manifest.
    """
    kernel = asked.kernel
    if asked.device.type != "cpu":
        raise DeviceError(f"kernel {kernel.name} was given tensors on {asked.device}; the emulator takes CPU tensors.")
    _check_signature(kernel.source, asked.expression, asked.form.signature)
    module(kernel.source).run(asked.expression, asked.grid, kernel.block, asked.values, asked.dynamic)
