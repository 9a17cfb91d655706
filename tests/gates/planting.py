"""Planted faults (tests/faults): each gate must find its own, each in its own process; a clean kernel has none."""

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from gates.covering import Coverage
from gates.running import REPORT, ROOT, start

from cuda_kernels.emulator.run import ORDERS, Module, Order, check_signature, scheduled
from cuda_kernels.errors import DeviceError, ManifestError
from cuda_kernels.kernel import Array, Grid, Kernel, Scalar, dtype_of
from cuda_kernels.nvrtc import measure
from cuda_kernels.source import FOLDER, source

FAULTS = ROOT / "tests" / "faults"
WIDTH, BLOCKS = 64, 2
LEAST = 0.95  # of a text's lines
TELL = ["-c", "import sys; from gates.planting import call; call(*sys.argv[1:])"]


@dataclass(frozen=True)
class Fault:
    """A kernel of faults.cu, the flavour that runs it, what is then said (None: nothing), and the length of x."""

    kernel: str
    flavour: str
    words: str | None
    elements: int = WIDTH

    @property
    def name(self) -> str:
        return f"{self.kernel}, {self.flavour}"


CLEAN = tuple(Fault("clean", flavour, None) for flavour in ("fast", "asan", "tsan"))
PLANTED = (
    Fault("missing_barrier", "fast", "schedules disagree"),
    Fault("missing_barrier", "tsan", "data race"),
    Fault("missing_syncwarp", "tsan", "data race"),
    Fault("cross_block_race", "tsan", "data race"),
    Fault("global_overrun", "asan", "heap-buffer-overflow", WIDTH - 1),  # thread 63 reads x[63] of 63
    Fault("static_shared_overrun", "asan", "heap-buffer-overflow"),
    Fault("dynamic_shared_overrun", "asan", "heap-buffer-overflow"),
    Fault("shift_too_far", "asan", "shift exponent"),
    Fault("divergent_barrier", "fast", "divergent barrier"),
    Fault("two_barriers", "fast", "divergent barrier"),
    Fault("lost_lane", "fast", "which has returned"),
    Fault("mixed_meeting", "fast", "meet in different places"),
    Fault("absent_source", "fast", "takes no part"),
    Fault("left_out", "fast", "which leaves it out"),
    Fault("deadlock", "fast", "deadlock"),
    Fault("spin", "fast", "atomic operations without meeting"),
)


def find(fault: Fault) -> bool:
    """Whether a fault is found as it must be; what went wrong instead is printed."""
    done = start(fault.flavour, [*TELL, fault.kernel, str(fault.elements)])
    said = done.stdout + done.stderr
    if fault.words is None:
        right = done.returncode == 0 and not REPORT.search(said)
    else:
        right = done.returncode != 0 and fault.words in said
    if not right:
        print(f"planted {fault.name}: status {done.returncode}, expected {fault.words or 'no report'}\n{said[-3000:]}")
    return right


def call(kernel: str, elements: str) -> None:
    """In the process of a flavour: run a planted kernel under every schedule; ends with a message if they disagree."""
    text = _faults("faults.cu")
    module = Module.load("faults.cu", text, re.findall(r"__global__ void (\w+)", text))
    results = [_run(module, kernel, int(elements), order) for order in ORDERS]
    if any(not torch.equal(results[0], result) for result in results):
        sys.exit(f"{kernel}: schedules disagree")


def _run(module: Module, kernel: str, elements: int, order: Order) -> torch.Tensor:
    x, out = torch.arange(1, elements + 1, dtype=torch.int32), torch.zeros(BLOCKS * WIDTH, dtype=torch.int32)
    dynamic = 4 * (WIDTH - (kernel == "dynamic_shared_overrun"))
    values = [(x, torch.int32), (out, torch.int32), (elements, torch.int64)]
    with scheduled(order, seed=1):
        module.run(kernel, (BLOCKS, 1, 1), WIDTH, values, dynamic)
    return out


def _faults(name: str) -> str:
    """A text of tests/faults, with the kernels' headers put in."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (FAULTS / name, FOLDER / "common.cuh"):
            shutil.copy(file, folder)
        return source(name, Path(folder))


def refused() -> bool:
    """NVRTC refuses what only the emulator takes."""
    out = Array("out", torch.int64, "1", written=True)
    kernel = Kernel("refused", "budget.cu", "", (out,), Grid("thread", "1"), registers=32)
    try:
        measure("budget.cu", "#define REFUSED\n" + _faults("budget.cu"), [kernel], 90)
    except DeviceError as error:
        return "atomicAdd" in str(error)
    return False


def budgets() -> bool:
    """A spill, too many registers and too much shared memory are seen in what ptxas reports."""
    x, out = Array("x", torch.float32, "n"), Array("out", torch.float32, "n", written=True)
    spilling = Kernel("spilling", "budget.cu", "", (x, out, Scalar("n")), Grid("thread", "n"), 32, block=1024)
    shared = Kernel("shared_too_much", "budget.cu", "", (out,), Grid("thread", "n"), 255, block=256, shared=1023)
    used = measure("budget.cu", _faults("budget.cu"), [spilling, shared], 90)
    said = [complaint for of_kernel in used for complaint in of_kernel.complaints()]
    return all(any(words in text for text in said) for words in ("spills", "registers", "static shared memory"))


def uncovered(cache: Path) -> bool:
    """A text of which one kernel ran falls short of the coverage that is asked for."""
    done = start("coverage", [*TELL, "clean", str(WIDTH)], cache)
    share = Coverage.read(cache).of_file("faults.cu")
    return done.returncode == 0 and share is not None and 0 < share < LEAST


def wrong_sizes(kernel: Kernel) -> tuple[int, int]:
    """Arguments of another size in the manifest than in a kernel's text: found, of one planted in each argument."""
    instance, found = kernel.instances()[0], 0
    for at, argument in enumerate(kernel.arguments):
        narrow = torch.int32 if dtype_of(argument, instance).itemsize == 1 else torch.uint8
        arguments = (*kernel.arguments[:at], replace(argument, dtype=narrow), *kernel.arguments[at + 1 :])
        try:
            check_signature(replace(kernel, arguments=arguments), instance)
        except ManifestError:
            found += 1
    return found, len(kernel.arguments)
