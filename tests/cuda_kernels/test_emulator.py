"""The emulator on planted faults (tests/faults/faults.cu): each is reported, or shows under a schedule."""

import re
from pathlib import Path

import pytest
import torch

from cuda_kernels.emulator.build import flavour
from cuda_kernels.emulator.run import ORDERS, EmulatorError, Module, Order, scheduled
from cuda_kernels.source import FOLDER, source

FAULTS = Path(__file__).parents[1] / "faults" / "faults.cu"
WIDTH, BLOCKS = 64, 2
pytestmark = pytest.mark.skipif(
    flavour() != "fast", reason="under a sanitizer the first of these faults ends the process"
)


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Module:
    folder = tmp_path_factory.mktemp("faults")
    for file in (FAULTS, FOLDER / "common.cuh"):
        (folder / file.name).write_text(file.read_text())
    text = source("faults.cu", folder)
    return Module.load("faults.cu", text, re.findall(r"__global__ void (\w+)", text))


def run(faults: Module, kernel: str, order: Order = "forward") -> list[int]:
    """What the kernel writes for 1 … WIDTH."""
    x, out = torch.arange(1, WIDTH + 1, dtype=torch.int32), torch.zeros(BLOCKS * WIDTH, dtype=torch.int32)
    values = [(x, torch.int32), (out, torch.int32), (WIDTH, torch.int64)]
    with scheduled(order, seed=1):
        faults.run(kernel, (BLOCKS, 1, 1), WIDTH, values, 4 * WIDTH)
    return out.tolist()


@pytest.mark.parametrize("order", ORDERS)
def test_a_kernel_without_fault_gives_the_same_under_every_schedule(faults: Module, order: Order) -> None:
    assert run(faults, "clean", order) == BLOCKS * list(range(WIDTH, 0, -1))


def test_a_missing_barrier_shows_under_a_schedule(faults: Module) -> None:
    results = [run(faults, "missing_barrier", order) for order in ORDERS]
    assert any(result != run(faults, "clean") for result in results)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (
            "divergent_barrier",
            r"divergent barrier: thread 32 has returned, others wait in __syncthreads at faults.cu:\d+",
        ),
        (
            "two_barriers",
            r"divergent barrier: thread 0 waits in __syncthreads at faults.cu:\d+, thread 32 at faults.cu",
        ),
        ("lost_lane", r"faults.cu:\d+: thread 0 names lane 31 in its mask, which has returned; block \(0,0,0\)"),
        (
            "mixed_meeting",
            r"lanes of a warp meet in different places: thread 0 at faults.cu:\d+, thread 1 at faults.cu",
        ),
        ("absent_source", r"faults.cu:\d+: thread 0 reads lane 31 in a shuffle, which takes no part"),
        ("left_out", r"faults.cu:\d+: thread 1 calls with mask 00000001, which leaves it out"),
        ("deadlock", r"deadlock: threads wait in __syncthreads at faults.cu:\d+ for thread 0, which waits for lanes"),
        ("spin", r"thread 0 has done \d+ atomic operations without meeting another thread"),
    ],
)
def test_a_fault_is_reported_with_its_place(faults: Module, kernel: str, message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        run(faults, kernel)
    assert run(faults, "clean") == BLOCKS * list(range(WIDTH, 0, -1))  # the emulator can go on


def test_signatures_are_those_of_the_text(faults: Module) -> None:
    assert faults.signature("clean") == "const int32*, int32*, int64"
