"""Run the op tests on kernels built with sanitizers: addresses and undefined behaviour, then data races.

    python tests/sanitize.py [address] [thread]

Before the tests it plants faults (tests/faults) in kernels built by the same flags, and fails unless each is reported
and a kernel without a fault is not.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mongoose.native.build import SOURCES, recipe, shared_object

ROOT = Path(__file__).parents[1]
FAULTS = ROOT / "tests" / "faults" / "faults.cpp"
ELEMENTS = 100
# A report goes to file descriptor 2, which pytest must not take; the first fault ends the process anyway.
PYTEST_OPTIONS = ("-q", "-p", "no:cacheprovider", "--capture=sys")


@dataclass(frozen=True)
class Sanitizer:
    """flags: of the kernels' build. runtimes: the libraries that the process must start with. options: their settings.

    faults: planted kernel → what its report must say.
    """

    flags: str
    runtimes: tuple[str, ...]
    options: Mapping[str, str]
    faults: Mapping[str, str]


SANITIZERS = {
    "address": Sanitizer(
        "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1",
        ("libasan.so", "libubsan.so"),
        {
            "ASAN_OPTIONS": "detect_leaks=0",  # Python's own, at exit
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        },
        {"overrun": "heap-buffer-overflow", "undefined": "shift exponent"},
    ),
    "thread": Sanitizer(
        "-fsanitize=thread -DMONGOOSE_STD_THREADS -g -O1",
        ("libtsan.so",),
        {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"},
        {"race": "data race"},
    ),
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(SANITIZERS)
    if unknown:
        print(f"unknown sanitizers {sorted(unknown)}; accepted: {', '.join(SANITIZERS)}.")
        return 2
    chosen = names or list(SANITIZERS)
    return check(chosen[0], SANITIZERS[chosen[0]]) if len(chosen) == 1 else side_by_side(chosen)


def side_by_side(names: list[str]) -> int:
    """Each sanitizer in a process of its own, all at a time, since tests keep a core busy; what each said, in turn."""
    commands = {name: [sys.executable, __file__, name] for name in names}
    said = {name: subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for name, command in commands.items()}
    for process in said.values():
        print(process.communicate()[0], flush=True)
    return int(any(process.returncode for process in said.values()))


def check(name: str, sanitizer: Sanitizer) -> int:
    """Plant the faults, then run the op tests; 0 if the faults were seen and the kernels have none."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"MONGOOSE_CACHE": scratch, "MONGOOSE_KERNEL_FLAGS": sanitizer.flags}
        shared_object()  # here, where the compiler runs without the sanitizer in it
        planted = build_faults(Path(scratch) / "faults.so")
        for kernel in ("clean", *sanitizer.faults):
            if not fault_is_told(sanitizer, planted, kernel):
                return 1
        print(f"{name}: planted faults are seen. Running the op tests.", flush=True)
        done = start(sanitizer, ["-m", "pytest", *PYTEST_OPTIONS, "tests/mongoose/ops"])
        print(done.stdout[-3000:], done.stderr[:6000], sep="\n")
        report = any(word in done.stdout + done.stderr for word in ("Sanitizer", "runtime error"))
        print(f"{name}: {'FAILED' if done.returncode or report else 'no fault'}", flush=True)
        return int(bool(done.returncode) or report)


def build_faults(target: Path) -> Path:
    """The planted kernels, built by the compiler and flags of the real ones."""
    wanted = recipe()
    command = [wanted.compiler, *wanted.flags, f"-I{SOURCES}", str(FAULTS), "-o", str(target)]
    subprocess.run(command, check=True)
    return target


def fault_is_told(sanitizer: Sanitizer, planted: Path, kernel: str) -> bool:
    """Whether a planted kernel ends as it must: with the fault's report, or with none where there is no fault."""
    done = start(sanitizer, [__file__, "--call", str(planted), kernel])
    words = sanitizer.faults.get(kernel)
    right = done.returncode and words in done.stderr if words else not done.returncode and not done.stderr
    if not right:
        print(f"the planted kernel {kernel!r} ended with {done.returncode}; expected: {words or 'no report'}")
        print(done.stdout, done.stderr, sep="\n")
    return bool(right)


def start(sanitizer: Sanitizer, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run Python with the sanitizer's runtimes in the process from its start, and wait for it."""
    environment = os.environ | dict(sanitizer.options)
    environment["LD_PRELOAD"] = ":".join(map(runtime, sanitizer.runtimes))
    environment["OMP_NUM_THREADS"] = "1"  # torch's own threads are not what is examined; tests ask for two
    command = [*without_random_layout(), sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)


def runtime(library: str) -> str:
    """Path of a sanitizer's library."""
    path = subprocess.run(
        [recipe().compiler, f"-print-file-name={library}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(path).is_absolute():
        raise SystemExit(
            f"{recipe().compiler} has no {library}; it comes with g++ (Debian: libgcc-12-dev and the like)."
        )
    return path


def without_random_layout() -> list[str]:
    """The command that switches random addresses off, where allowed: some kernels' are outside what TSan knows."""
    command = ["setarch", "-R"]
    allowed = shutil.which("setarch") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if allowed else []


def call_planted(path: str, kernel: str) -> None:
    """In the sanitized process: call a planted kernel on a tensor, as a real one would be."""
    import torch

    values = torch.zeros(ELEMENTS, dtype=torch.int32)
    function = getattr(ctypes.CDLL(path), kernel)
    function(ctypes.c_int64(2), ctypes.c_int64(ELEMENTS), ctypes.c_void_p(values.data_ptr()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--call"]:
        call_planted(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
