"""The machine and the code, as every row records them; no user names, paths or addresses."""

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.record import Environment

ROOT = Path(__file__).parents[1]
DECIDES_RESULTS = ("mongoose", "datasets", "bench/methods", "bench/experiments", "bench/studies", "bench/*.py")
MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184"
SPIN = "10000"  # rounds of waiting; a step of mongoose-uniform took 13.1 ms with none, 11.7 with these
SOURCE = {".py", ".cpp", ".h", ".xz"}
DECIDES_NOTHING = {"cli.py", "runner.py", "progress.py", "store.py", "data.py", "doctor.py", "sheets.py", "__main__.py"}


def describe(threads: int, backend: str) -> Environment:
    """The environment of a run that uses so many threads and this backend."""
    return Environment(
        cpu=_cpu() if backend != "cuda" else f"{_gpu()} beside {_cpu()}",
        cores=os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        threads=threads,
        backend=backend,
        python=platform.python_version(),
        torch=version("torch"),
        platform=f"{platform.system()} {platform.machine()}",
        commit=commit(),
        code=code_digest(),
    )


def process_environment(threads: int) -> dict[str, str]:
    """Thread counts are fixed before torch is loaded. Idle OpenMP threads wait for the next loop for some tens of
    microseconds, which is less than to wake them takes, and then sleep, since the machine may be shared.

    The C library asks for large pages, which rows at random addresses need, and keeps memory that was freed: without
    that a dense step over 670,091 labels spends half its time on pages that the kernel hands out anew. Both hold for
    every method.

    The checkout's root stands before what the caller has in PYTHONPATH, whose packages may come from there.
    """
    counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | counts | {"GOMP_SPINCOUNT": SPIN, "GLIBC_TUNABLES": MALLOC, "PYTHONPATH": path}


@cache
def code_digest() -> str:
    """Digest of torch's version and the sources that can change a result; part of every run's key."""
    digest = hashlib.sha256(version("torch").encode())
    for path in sorted(_sources()):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def commit() -> str:
    """The checked-out commit, with "+" where files differ from it; empty outside a git checkout."""
    revision = _git("rev-parse", "--short=12", "HEAD")
    return revision + ("+" if revision and _git("status", "--porcelain", "--untracked-files=no") else "")


def _sources() -> set[Path]:
    found: set[Path] = set()
    for pattern in DECIDES_RESULTS:
        found.update(ROOT.glob(pattern) if pattern.endswith(".py") else (ROOT / pattern).rglob("*"))
    found = {path for path in found if path.suffix in SOURCE}
    return {path for path in found if path.name not in DECIDES_NOTHING or path.parent.name != "bench"}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name()


def _cpu() -> str:
    """The processor's name, as the kernel gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
