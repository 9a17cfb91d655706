"""What this machine can run, and how to get the rest."""

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from bench.memory import reset_peak


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for. remedy: what to do to have it, empty where it is there."""

    what: str
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Everything worth knowing before a run."""
    return [
        Finding("Python", platform.python_version()),
        Finding("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"),
        Finding("backend", "reference (plain torch); the only one in this version"),
        _compiler(),
        _package("seaborn", "report figures", "report"),
        _package("nbclient", "notebooks", "notebooks"),
        _package("faiss-cpu", "FAISS peers", "ann"),
        _cuda(),
        _memory_accounting(),
    ]


def _compiler() -> Finding:
    found = next((name for name in ("g++", "clang++") if shutil.which(name)), None)
    return Finding("C++ compiler", found or "none", "" if found else "install g++; not needed by this version")


def _package(name: str, purpose: str, extra: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, f"absent: no {purpose}", f"pip install -c constraints.txt '.[{extra}]'")


def _cuda() -> Finding:
    if torch.cuda.is_available():
        return Finding("GPU", torch.cuda.get_device_name())
    return Finding("GPU", "none that torch can use", "needs an NVIDIA GPU and a CUDA build of torch")


def _memory_accounting() -> Finding:
    if reset_peak():
        return Finding("peak memory", "of training alone")
    return Finding("peak memory", "of the whole process", "the kernel refuses /proc/self/clear_refs")
