"""Compile a `.cu` text for the CPU with the machine's own compiler, once for each text, flavour and compiler.

Flavours: `fast`; `asan`, which finds accesses out of bounds and undefined behaviour; `tsan`, which finds data races;
`coverage`, which counts how often each line ran; `ucontext`, `fast` with the switch of fibers that processors other
than x86-64 have.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cuda_kernels.cache import directory, locked
from cuda_kernels.errors import DeviceError

FOLDER = Path(__file__).parent
COMPILERS = ("g++", "clang++")
COMMON = ("-std=c++17", "-fPIC", "-Wall", "-Wno-unknown-pragmas", "-pthread")
# Products are not fused into sums unless the text says fmaf: the definitions in torch do neither.
KERNEL_FLAGS = ("-DCUDA_EMULATOR", "-ffp-contract=off", "-fno-strict-aliasing", f"-I{FOLDER}")


@dataclass(frozen=True)
class Flavour:
    """flags: of the kernels. scheduler: of the scheduler, which is never instrumented but must know."""

    flags: tuple[str, ...]
    scheduler: tuple[str, ...] = ()


FLAVOURS = {
    "fast": Flavour(("-O2",)),
    "asan": Flavour(
        ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"),
        ("-DEMULATE_ADDRESS",),
    ),
    "tsan": Flavour(("-O1", "-g", "-fsanitize=thread", "-fno-omit-frame-pointer"), ("-DEMULATE_THREAD",)),
    "ucontext": Flavour(("-O2",), ("-DEMULATE_UCONTEXT",)),
    "coverage": Flavour(("-O0", "--coverage")),
}


def flavour() -> str:
    """The flavour of this process: MONGOOSE_EMULATOR, or fast.

    Raises:
        DeviceError: there is no such flavour.
    """
    asked = os.environ.get("MONGOOSE_EMULATOR", "fast")
    if asked not in FLAVOURS:
        raise DeviceError(f"MONGOOSE_EMULATOR={asked}; accepted: {', '.join(FLAVOURS)}.")
    return asked


def shared_object(name: str, text: str, instances: Sequence[str], flavour: str) -> Path:
    """The built kernels of a text: the i-th of `instances` is exported as `launch_i` and `signature_i`.

    Args:
        name: of the text, for the names of files.

    Raises:
        DeviceError: there is no compiler, or it failed.
    """
    entries = "".join(f"EMULATED({i}, ({instance}))\n" for i, instance in enumerate(instances))
    unit = f'{text}#line 1 "instances"\n#include "entry.h"\n{entries}'
    folder = cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    built = folder / f"{Path(name).stem}-{flavour}-{_key(unit, flavour)}.so"
    with locked(built.with_suffix(".lock")):
        if not built.exists():
            _build(unit, FLAVOURS[flavour], built)
    return built


def cache_directory() -> Path:
    """Where built kernels are kept, beside those for CPUs."""
    return directory() / "emulator"


@cache
def compiler() -> str:
    """Path of the C++ compiler: CXX, or the first found."""
    asked = os.environ.get("CXX")
    names = (asked,) if asked else COMPILERS
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise DeviceError(f"no C++ compiler: looked for {' and '.join(names)}; install g++, or point CXX at one.")
    return found


def _key(unit: str, flavour: str) -> str:
    version = _run([compiler(), "--version"])
    digest = hashlib.sha256("\0".join((unit, version, *COMMON, *KERNEL_FLAGS, repr(FLAVOURS[flavour]))).encode())
    for part in sorted([*FOLDER.glob("*.h"), *FOLDER.glob("*.cpp")]):
        digest.update(part.name.encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def _build(unit: str, flavour: Flavour, destination: Path) -> None:
    """Compile and link, and put the object in place in one step. What gcov reads stays beside it."""
    text, kernels = destination.with_suffix(".cpp"), destination.with_suffix(".o")
    text.write_text(unit)
    _run([compiler(), *COMMON, *KERNEL_FLAGS, *flavour.flags, "-c", str(text), "-o", str(kernels)])
    linked = destination.with_suffix(".linked")
    scheduler = _scheduler(flavour.scheduler)
    _run([compiler(), "-shared", "-pthread", *flavour.flags, str(kernels), str(scheduler), "-o", str(linked)])
    linked.replace(destination)
    if "--coverage" not in flavour.flags:
        text.unlink()
        kernels.unlink()


def _scheduler(flags: tuple[str, ...]) -> Path:
    """The scheduler as a library of its own, so that a process has one set of fibers, whatever kernels it loads."""
    parts = sorted(FOLDER.glob("*.cpp"))
    read = b"\0".join(part.read_bytes() for part in [*parts, *sorted(FOLDER.glob("*.h"))])
    digest = hashlib.sha256(read + repr((COMMON, flags, compiler())).encode())
    target = cache_directory() / f"scheduler-{digest.hexdigest()[:20]}.so"
    with locked(target.with_suffix(".lock")):
        if not target.exists():
            linked = target.with_suffix(".linked")
            _run([compiler(), *COMMON, "-O2", "-shared", *flags, *map(str, parts), "-o", str(linked)])
            linked.replace(target)
    return target


def _run(command: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # a sanitizer's runtime
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise DeviceError(f"{command[0]} failed on a kernel; it was run as\n{' '.join(command)}\n{done.stderr}")
    return done.stdout
