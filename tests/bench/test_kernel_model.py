"""Rows of `bench kernels`."""

import pytest

from bench.kernel_model import floor_rows, occupancy_row
from bench.kernel_sizes import PAPERS, sizes
from bench.speed import shapes
from cuda_kernels.kernel import evaluate
from cuda_kernels.manifest import KERNELS
from cuda_kernels.nvrtc import Usage
from cuda_kernels.roofline import CARDS, LABEL


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_has_sizes_on_the_papers_shapes(name: str) -> None:
    """A name that is missing here wants a line in `bench/kernel_sizes.py`."""
    kernel = KERNELS[name]
    widths = dict.fromkeys(kernel.parameters, 4)
    for shape in PAPERS:
        known = sizes(kernel, shapes.get(shape)) | widths
        assert evaluate(kernel.traffic, known) > 0
        assert min(evaluate(kernel.flops, known), evaluate(kernel.dynamic, known)) >= 0


def test_every_floor_is_labelled() -> None:
    rows = list(floor_rows())
    assert {(row["kernel"], row["shape"], row["card"]) for row in rows} == {
        (kernel, shape, card) for kernel in KERNELS for shape in PAPERS for card in CARDS
    }
    assert all(row["label"] == LABEL and row["floor_us"] > 0 for row in rows)


def test_occupancy_counts_dynamic_shared_memory() -> None:
    kernel = KERNELS["simhash"]
    row = occupancy_row(Usage(kernel, "simhash<float, int>", 90, registers=40, spills=0, shared=100, stack=0))
    assert row["shared"] == 100 + 4 * 4 * 4 * 7  # 16 tables of 14 bits are seven words
    assert (row["blocks"], row["limit"]) == (12, "registers")
