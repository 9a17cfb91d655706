"""Resident memory of this process, as the Linux kernel accounts it."""

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


def _status(name: str) -> float:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    except OSError:
        return float("nan")
    return int(found[1]) / 1024 if found else float("nan")
