"""Machine code of kernels, kept on disk: a text is compiled once a machine for each architecture.

Beside a cubin stands what else a launch needs: the instances' names in it, and the cubin's digest, by which a file that
was cut short or damaged is found and compiled anew.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cuda_kernels import cache, nvrtc
from cuda_kernels.errors import DeviceError


@dataclass(frozen=True)
class Kept:
    """path: of the cubin. names: instance → its name in the cubin."""

    path: Path
    names: Mapping[str, str]


def directory() -> Path:
    """Where cubins are kept, beside the kernels for CPUs."""
    return cache.directory() / "cuda"


def kept(name: str, text: str, instances: Sequence[str], architecture: int) -> Kept:
    """The cubin of a text for an architecture, compiled now if it is not on disk.

    Args:
        name: of the text, for the names of files and the compiler's messages.
        architecture: 90 is sm_90.

    Raises:
        DeviceError: there is no NVRTC, it refuses the text, or the cache cannot be written.
    """
    stem = f"{Path(name).stem}-sm_{architecture}-{_key(name, text, instances, architecture)}"
    cubin = directory() / f"{stem}.cubin"
    try:
        cubin.parent.mkdir(parents=True, exist_ok=True)
        with cache.locked(cubin.with_suffix(".lock")):
            names = _read(cubin, instances)
            return Kept(cubin, names or _compile(cubin, name, text, instances, architecture))
    except OSError as error:
        raise DeviceError(f"the kernel cache cannot be used: {error}; set MONGOOSE_CACHE to a directory.") from None


def _key(name: str, text: str, instances: Sequence[str], architecture: int) -> str:
    """Digest of all that decides the machine code."""
    decides = (name, text, list(instances), nvrtc.OPTIONS, architecture, nvrtc.version())
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:24]


def _compile(cubin: Path, name: str, text: str, instances: Sequence[str], architecture: int) -> dict[str, str]:
    """Names come last: a cubin without them is none."""
    compiled = nvrtc.compile_text(name, text, instances, architecture)
    cache.put(cubin, compiled.cubin)
    told = {"sha256": hashlib.sha256(compiled.cubin).hexdigest(), "names": compiled.names}
    cache.put(cubin.with_suffix(".json"), json.dumps(told).encode())
    return compiled.names


def _read(cubin: Path, instances: Sequence[str]) -> dict[str, str] | None:
    """The names in a cubin; None, if it or what stands beside it is missing or damaged."""
    try:
        told = json.loads(cubin.with_suffix(".json").read_bytes())
        whole = told["sha256"] == hashlib.sha256(cubin.read_bytes()).hexdigest()
        return {instance: str(told["names"][instance]) for instance in instances} if whole else None
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None
