"""Every gate that CUDA kernels must pass without a GPU, and one table of what they found.

    python tests/kernel_gates.py [--jobs 2]

Compiled for every architecture, within their budgets of registers and shared memory, no spill (NVRTC, from its wheel);
their tests in the emulator, again under AddressSanitizer and UBSan, under ThreadSanitizer, and with lines counted.
Each gate must also find the faults that are planted for it. Needs g++ with its sanitizers, and gcov.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from gates import planting  # noqa: E402
from gates.covering import Coverage  # noqa: E402
from gates.planting import LEAST  # noqa: E402
from gates.running import FLAVOURS, Outcome, run_tests  # noqa: E402
from gates.table import HEADS, Line, drawn, total  # noqa: E402

from cuda_kernels.errors import DeviceError  # noqa: E402
from cuda_kernels.kernel import Kernel  # noqa: E402
from cuda_kernels.manifest import KERNELS  # noqa: E402
from cuda_kernels.nvrtc import ARCHITECTURES, Usage, usage  # noqa: E402

FIXTURES = re.compile(r"\b(both|device):")  # of tests that launch kernels; the others are for `tox -e test` alone
TESTS = sorted(
    path for path in (ROOT / "tests" / "cuda_kernels").glob("test_*.py") if FIXTURES.search(path.read_text())
)
EXAMINED = ("fast", "asan", "tsan")
COUNTED = "coverage"  # where kernels are built that count their lines


@dataclass
class Findings:
    """What the gates found. used: of NVRTC. outcomes: of tests. planted: fault → whether it was found."""

    used: list[Usage] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    planted: dict[str, bool] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    complaints: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Gates for CUDA kernels, without a GPU.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    jobs = parser.parse_args(arguments).jobs
    found = Findings()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(jobs) as pool:
        run_all(found, pool, Path(scratch))
    lines = [line_of(kernel, found) for kernel in KERNELS.values()]
    found.complaints += [complaint for kernel in KERNELS.values() for complaint in complaints_of(kernel, found)]
    found.complaints += uncovered(found.coverage)
    planted = sum(found.planted.values()), len(found.planted)
    print(drawn([HEADS, *(line.cells() for line in lines), total(lines, planted, found.coverage.of_all())]))
    print(*found.complaints, sep="\n")
    print(f"kernel gates: {'FAILED' if found.complaints else 'passed'}", flush=True)
    return int(bool(found.complaints))


def run_all(found: Findings, pool: ThreadPoolExecutor, scratch: Path) -> None:
    """Everything that takes time, several at a time."""
    compiled = [pool.submit(compile_file, file) for file in sorted({kernel.source for kernel in KERNELS.values()})]
    found.outcomes = run_tests_of_all(pool, scratch)
    faults = {name: pool.submit(find) for name, find in plants(scratch).items()}
    found.used = [used for done in compiled for used in done.result()[0]]
    found.planted = {name: fault.result() for name, fault in faults.items()}
    found.coverage = Coverage.read(scratch / COUNTED)
    found.complaints += [complaint for done in compiled for complaint in done.result()[1]]
    found.complaints += [outcome.complaint for outcome in found.outcomes if outcome.complaint]
    found.complaints += [f"planted fault not found: {name}" for name, seen in found.planted.items() if not seen]


def run_tests_of_all(pool: ThreadPoolExecutor, scratch: Path) -> list[Outcome]:
    """All tests in flavour fast; then those files in the others that launch kernels."""
    fast = list(pool.map(lambda file: run_tests("fast", file, scratch), TESTS))
    launching = [file for file, outcome in zip(TESTS, fast, strict=True) if outcome.cases]
    others = [(flavour, file) for flavour in FLAVOURS if flavour != "fast" for file in launching]

    def run(job: tuple[str, Path]) -> Outcome:
        return run_tests(*job, scratch, scratch / COUNTED if job[0] == "coverage" else None)

    return [*fast, *pool.map(run, others)]


def compile_file(file: str) -> tuple[list[Usage], list[str]]:
    """What NVRTC says of a file, and what of it is a complaint."""
    used: list[Usage] = []
    try:
        for architecture in ARCHITECTURES:
            used += usage(file, architecture)
    except DeviceError as error:
        return used, [str(error)]
    return used, [complaint for of_instance in used for complaint in of_instance.complaints()]


def plants(scratch: Path) -> dict[str, Callable[[], bool]]:
    """By name, every planted fault, and kernels without one."""
    of_text = {fault.name: partial(planting.find, fault) for fault in (*planting.CLEAN, *planting.PLANTED)}
    return of_text | {
        "refused, nvrtc": planting.refused,
        "budgets, nvrtc": planting.budgets,
        "lines not run, coverage": partial(planting.uncovered, scratch / "planted"),
    }


def line_of(kernel: Kernel, found: Findings) -> Line:
    used = [of_instance for of_instance in found.used if of_instance.kernel == kernel]
    return Line(
        kernel.name,
        (len(instances_run(kernel, found)), len(kernel.instances())),
        len({of_instance.architecture for of_instance in used}),
        (max((of_instance.registers for of_instance in used), default=0), kernel.registers),
        max((of_instance.spills for of_instance in used), default=0),
        tuple(cases(kernel, found, flavour) for flavour in EXAMINED),
        sum(outcome.report == kernel.name for outcome in found.outcomes),
        planting.wrong_sizes(kernel),
        found.coverage.of_kernel(kernel.name),
    )


def cases(kernel: Kernel, found: Findings, flavour: str) -> int:
    """Tests that launched a kernel in a flavour."""
    return sum(len(of.cases.get(kernel.name, ())) for of in found.outcomes if of.flavour == flavour)


def instances_run(kernel: Kernel, found: Findings) -> set[str]:
    launched = set().union(*(outcome.instances for outcome in found.outcomes if outcome.flavour == "fast"))
    return launched & {kernel.expression(instance) for instance in kernel.instances()}


def complaints_of(kernel: Kernel, found: Findings) -> list[str]:
    """What no process has complained of."""
    never = {kernel.expression(instance) for instance in kernel.instances()} - instances_run(kernel, found)
    complaints = [f"no emulated test launches {expression}." for expression in sorted(never)]
    for flavour in EXAMINED:
        if not cases(kernel, found, flavour):
            complaints.append(f"no test launches {kernel.name} in flavour {flavour}.")
    seen, planted = planting.wrong_sizes(kernel)
    if seen < planted:
        complaints.append(f"{kernel.name}: {planted - seen} arguments of wrong size were not found.")
    return complaints


def uncovered(coverage: Coverage) -> list[str]:
    """Files of which too few lines ran."""
    return [
        f"{name}: {100 * share:.1f} % of its lines ran, {100 * LEAST:.0f} % must; not lines {coverage.missed(name)}."
        for name in sorted(coverage.counts)
        if (share := coverage.of_file(name)) is not None and share < LEAST
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
