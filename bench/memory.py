"""Resident memory of this process, as the Linux kernel accounts it."""

import ctypes
import re
from pathlib import Path

PROCESS = Path("/proc/self")


def resident_mib() -> float:
    """Resident set size now, MiB; NaN where the kernel does not tell."""
    return _status("VmRSS")


def peak_mib() -> float:
    """Largest resident set size since the process started or `reset_peak`; NaN where the kernel does not tell."""
    return _status("VmHWM")


def reset_peak() -> bool:
    """Start a new peak from the present size, so that evaluation does not count as training; False if refused."""
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def trim() -> bool:
    """Hand memory that was freed back to the kernel, so that who takes it next is seen to; False if there was none.

    Raises:
        OSError: the C library is not GNU's, and has no such call.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except AttributeError:
        raise OSError("freed memory is handed back by malloc_trim of GNU's C library; this one lacks it.") from None


def _status(name: str) -> float:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    except OSError:
        return float("nan")
    return int(found[1]) / 1024 if found else float("nan")
