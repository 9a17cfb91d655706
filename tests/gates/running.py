"""The tests of kernels, file by file, in a process for each flavour of the emulator."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sanitize import runtime, without_random_layout

ROOT = Path(__file__).parents[2]
REPORT = re.compile(r"ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:")
NO_TESTS = 5  # pytest's exit status where none was chosen


@dataclass(frozen=True)
class Flavour:
    """How tests run in a flavour. chosen: options of gates.counting. runtimes, options: of a sanitizer."""

    chosen: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


SMALL = ("--schedules", "random", "--largest", "127")
SMALLER = ("--schedules", "random", "--largest", "64")  # two warps' rows race as four's do, in a third of the time
FLAVOURS = {
    "fast": Flavour(("--schedules", "forward,reverse,random")),
    "asan": Flavour(
        SMALL,
        ("libasan.so", "libubsan.so"),
        (("ASAN_OPTIONS", "detect_leaks=0"), ("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")),
    ),
    "tsan": Flavour(SMALLER, ("libtsan.so",), (("TSAN_OPTIONS", "halt_on_error=1:exitcode=66"),)),
    "coverage": Flavour(("--schedules", "forward", "--largest", "127")),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a file's tests in a flavour.

    cases: kernel → tests that launched it. instances: that were launched. report: kernel at work when a sanitizer
    spoke, if one did. complaint: what was printed, if the tests did not pass.
    """

    flavour: str
    file: str
    cases: dict[str, set[str]]
    instances: set[str]
    report: str | None
    complaint: str


def run_tests(flavour: str, file: Path, scratch: Path, cache: Path | None = None) -> Outcome:
    """Run a file's tests. cache: where kernels are built, if not where they usually are."""
    launches = scratch / f"{file.stem}-{flavour}.jsonl"
    wanted = ["-q", "-p", "no:cacheprovider", "-p", "gates.counting", "--capture=sys", "--launches", str(launches)]
    done = start(flavour, ["-m", "pytest", *wanted, *FLAVOURS[flavour].chosen, str(file)], cache)
    lines = [json.loads(line) for line in launches.read_text().splitlines()] if launches.exists() else []
    cases: dict[str, set[str]] = {}
    for test, kernel, _ in lines:
        cases.setdefault(kernel, set()).add(test)
    said = done.stdout + done.stderr
    report = (lines[-1][1] if lines else "?") if REPORT.search(said) else None
    failed = report is not None or done.returncode not in (0, NO_TESTS)
    complaint = f"{file.name}, {flavour}: status {done.returncode}\n{_ends(done)}" if failed else ""
    return Outcome(flavour, file.name, cases, {instance for _, _, instance in lines}, report, complaint)


def start(flavour: str, arguments: list[str], cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with the flavour's kernels, and its sanitizer's runtimes in the process from the start; wait."""
    how = FLAVOURS[flavour]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    environment = os.environ | dict(how.options) | {"MONGOOSE_EMULATOR": flavour, "PYTHONPATH": path}
    environment["OMP_NUM_THREADS"] = "1"  # torch's own threads are not what is examined
    if how.runtimes:
        environment["LD_PRELOAD"] = ":".join(map(runtime, how.runtimes))
    if cache:
        environment["MONGOOSE_CACHE"] = str(cache)
    command = [*(without_random_layout() if flavour == "tsan" else []), sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)


def _ends(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.stdout[-3000:]}\n{done.stderr[:4000]}"
