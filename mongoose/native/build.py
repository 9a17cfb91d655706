"""Build the kernels with the machine's own compiler, once for each text, compiler and processor.

The shared object is cached under a key of all three, so a changed source, compiler, flag or processor builds anew, and
two processes that start at once build it once.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cuda_kernels import cache

SOURCES = Path(__file__).parents[1] / "ops"
COMPILERS = ("g++", "clang++")
FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fopenmp",
    "-fno-strict-aliasing",
    "-fno-math-errno",  # or a loop with a square root is not vectorised
    "-fno-trapping-math",  # the same for a loop with a comparison
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wextra",
)


class KernelBuildError(RuntimeError):
    """The kernels cannot be built here; says what is missing or what the compiler said."""


@dataclass(frozen=True)
class Recipe:
    """What decides the built object. compiler: its path. flags: all of them. sources: the `.cpp` and `.h` files."""

    compiler: str
    flags: tuple[str, ...]
    sources: tuple[Path, ...]

    def key(self) -> str:
        """Digest of the sources, the flags, and the compiler's macros: its version and the processor's features."""
        macros = _run([self.compiler, *self.flags, "-dM", "-E", "-x", "c++", os.devnull])
        digest = hashlib.sha256("\0".join((self.compiler, *self.flags, macros)).encode())
        for source in self.sources:
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        return digest.hexdigest()[:24]


def recipe() -> Recipe:
    """The recipe of this machine. CXX names the compiler, MONGOOSE_KERNEL_FLAGS adds flags (a sanitizer, say).

    Raises:
        KernelBuildError: no compiler was found.
    """
    asked = os.environ.get("CXX")
    names = (asked,) if asked else COMPILERS
    compiler = next((path for name in names if (path := shutil.which(name))), None)
    if compiler is None:
        raise KernelBuildError(f"no C++ compiler: looked for {' and '.join(names)}; install g++, or point CXX at one.")
    flags = (*FLAGS, *os.environ.get("MONGOOSE_KERNEL_FLAGS", "").split())
    return Recipe(compiler, flags, tuple(sorted([*SOURCES.glob("*.cpp"), *SOURCES.glob("*.h")])))


def shared_object() -> Path:
    """The built kernels, built now if they are not in the cache.

    Raises:
        KernelBuildError: there is no compiler, it failed, or the cache cannot be written.
    """
    wanted = recipe()
    try:
        directory = cache.directory()
        directory.mkdir(parents=True, exist_ok=True)
        built = directory / f"kernels-{wanted.key()}.so"
        with cache.locked(built.with_suffix(".lock")):
            if not built.exists():
                _build(wanted, built)
    except OSError as error:
        raise KernelBuildError(
            f"the kernel cache cannot be used: {error}; set MONGOOSE_CACHE to a directory."
        ) from None
    return built


def _build(wanted: Recipe, destination: Path) -> None:
    """Compile the sources side by side, link them, and put the object in place in one step."""
    with tempfile.TemporaryDirectory(dir=destination.parent) as scratch:
        units = [source for source in wanted.sources if source.suffix == ".cpp"]
        objects = [Path(scratch) / f"{unit.stem}.o" for unit in units]
        compile_flags = [flag for flag in wanted.flags if flag != "-shared"]
        commands = [
            [wanted.compiler, *compile_flags, "-c", str(unit), "-o", str(target)]
            for unit, target in zip(units, objects, strict=True)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(_run, commands))
        linked = Path(scratch) / "kernels.so"
        _run([wanted.compiler, *wanted.flags, *map(str, objects), "-o", str(linked)])
        linked.replace(destination)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise KernelBuildError(f"{command[0]} failed on the kernels; it was run as\n{' '.join(command)}\n{done.stderr}")
    return done.stdout
