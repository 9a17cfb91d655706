"""Compile kernels for GPUs with NVIDIA's runtime compiler: no GPU, no driver and no CuPy, only its wheel.

What runs on a GPU and what the gate examines are compiled here, with the same options.

    python -m cuda_kernels.nvrtc [kernel …]

compiles every instance of the manifest for every architecture, prints what ptxas says of each, and fails on an error, a
spill, or more registers or shared memory than the manifest allows.
"""

import ctypes
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch

from cuda_kernels.errors import DeviceError
from cuda_kernels.kernel import Kernel
from cuda_kernels.manifest import KERNELS
from cuda_kernels.source import source

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
# As CuPy calls it (cupy/cuda/compiler.py), with the text's lines for profilers, and ptxas' report.
OPTIONS = ("-std=c++17", "-lineinfo", "-ftz=true", "--device-as-default-execution-space", "--ptxas-options=-v")
ENTRY = re.compile(
    r"Function properties for (?P<name>\w+)\s+ptxas[ .]+(?P<stack>\d+) bytes stack frame, "
    r"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads\s+ptxas info +: "
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)"
)
SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class Usage:
    """What ptxas says of an instance. architecture: 90 is sm_90. spills, shared, stack: bytes; shared is static."""

    kernel: Kernel
    expression: str
    architecture: int
    registers: int
    spills: int
    shared: int
    stack: int

    def complaints(self) -> Iterator[str]:
        """What exceeds the manifest's budget; a kernel never spills."""
        where = f"{self.expression} on sm_{self.architecture}"
        if self.spills:
            yield f"{where} spills {self.spills} bytes."
        if self.registers > self.kernel.registers:
            yield f"{where} takes {self.registers} registers; its budget is {self.kernel.registers}."
        if self.shared > self.kernel.shared:
            yield f"{where} takes {self.shared} bytes of static shared memory; its budget is {self.kernel.shared}."


@dataclass(frozen=True)
class Compiled:
    """cubin: machine code. log: of compiler and ptxas. names: instance → its mangled name."""

    cubin: bytes
    log: str
    names: dict[str, str]


def version() -> tuple[int, int]:
    """Of NVRTC; DeviceError where there is none."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def compile_text(name: str, text: str, instances: Sequence[str], architecture: int) -> Compiled:
    """Compile a text for an architecture.

    Raises:
        DeviceError: there is no NVRTC, or it refuses the text; the message is its log.
    """
    nvrtc, program = _library(), ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None))
    try:
        for instance in instances:
            _check(nvrtc.nvrtcAddNameExpression(program, instance.encode()))
        options = [option.encode() for option in (*OPTIONS, f"-arch=sm_{architecture}")]
        failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = _bytes(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program).rstrip(b"\0").decode()
        if failed:
            raise DeviceError(f"NVRTC refuses {name} for sm_{architecture}:\n{log}")
        cubin = _bytes(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
        return Compiled(cubin, log, {instance: _lowered(program, instance) for instance in instances})
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def usage(name: str, architecture: int) -> list[Usage]:
    """What the kernels of a file of the manifest take on an architecture."""
    return measure(name, source(name), [k for k in KERNELS.values() if k.source == name], architecture)


def measure(name: str, text: str, kernels: Sequence[Kernel], architecture: int) -> list[Usage]:
    """What every instance of kernels of a text takes on an architecture; DeviceError where it does not compile."""
    owners = {kernel.expression(instance): kernel for kernel in kernels for instance in kernel.instances()}
    compiled = compile_text(name, text, tuple(owners), architecture)
    told = {entry["name"]: entry for entry in ENTRY.finditer(compiled.log)}
    return [
        _usage(kernel, expression, architecture, told[compiled.names[expression]])
        for expression, kernel in owners.items()
    ]


def _usage(kernel: Kernel, expression: str, architecture: int, entry: re.Match[str]) -> Usage:
    shared = SHARED.search(entry["rest"])
    spills = int(entry["stores"]) + int(entry["loads"])
    static = int(shared[1]) if shared else 0
    return Usage(kernel, expression, architecture, int(entry["registers"]), spills, static, int(entry["stack"]))


@cache
def _library() -> ctypes.CDLL:
    path = _chosen(_installed(), torch.version.cuda)
    if path is None:
        raise DeviceError(
            "NVRTC is not installed: pip install nvidia-cuda-nvrtc (extra cudacheck), "
            "or nvidia-cuda-nvrtc-cu12 beside torch for CUDA 12."
        )
    return ctypes.CDLL(str(path))


def _installed() -> list[Path]:
    """NVRTC's libraries in NVIDIA's wheels: of CUDA 13 in nvidia/cu13, of CUDA 12 in nvidia/cuda_nvrtc."""
    found = find_spec("nvidia")
    folders = list(found.submodule_search_locations or []) if found else []
    return [path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.*")]


def _chosen(paths: Sequence[Path], cuda: str | None) -> Path | None:
    """The library of the CUDA that torch is built for, whose code the driver takes; else the newest.

    Args:
        cuda: torch's, "13.0"; None where torch is for CPUs.
    """
    torchs = [path for path in paths if cuda and _major(path) == int(cuda.partition(".")[0])]
    return max(torchs or paths, key=_major, default=None)


def _major(library: Path) -> int:
    return int(library.name.partition(".so.")[2].partition(".")[0])


def _check(status: int) -> None:
    if status:
        _library().nvrtcGetErrorString.restype = ctypes.c_char_p
        raise DeviceError(f"NVRTC: {_library().nvrtcGetErrorString(status).decode()}.")


def _bytes(size_of: "ctypes._NamedFuncPointer", read: "ctypes._NamedFuncPointer", program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(read(program, buffer))
    return buffer.raw


def _lowered(program: ctypes.c_void_p, instance: str) -> str:
    name = ctypes.c_char_p()
    _check(_library().nvrtcGetLoweredName(program, instance.encode(), ctypes.byref(name)))
    assert name.value is not None
    return name.value.decode()


def main(names: Sequence[str]) -> int:
    """Prints a line for each instance and architecture; 1 if there is a complaint."""
    files = sorted({kernel.source for kernel in KERNELS.values() if not names or kernel.name in names})
    complaints: list[str] = []
    for file in files:
        for architecture in ARCHITECTURES:
            for used in usage(file, architecture):
                print(
                    f"{used.expression:48} sm_{architecture:<4} {used.registers:3} registers, {used.spills} bytes "
                    f"spilled, {used.shared} shared, {used.stack} stack"
                )
                complaints += used.complaints()
    print(*complaints, sep="\n")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
