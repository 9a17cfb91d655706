"""Rows of `bench kernels`."""

import pytest

from bench.kernel_model import floor_rows, occupancy_row
from bench.kernel_sizes import REFORMERS, shapes_of, sizes
from cuda_kernels.kernel import evaluate
from cuda_kernels.manifest import KERNELS
from cuda_kernels.nvrtc import Usage
from cuda_kernels.roofline import CARDS, LABEL


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_has_sizes_on_the_papers_shapes(name: str) -> None:
    """A name that is missing here wants a line in `bench/kernel_sizes.py`."""
    kernel = KERNELS[name]
    widths = dict.fromkeys(kernel.parameters, 4)
    for shape in shapes_of(kernel):
        known = sizes(kernel, shape) | widths
        assert evaluate(kernel.traffic, known) > 0
        assert min(evaluate(kernel.flops, known), evaluate(kernel.dynamic, known)) >= 0


def test_every_floor_is_labelled() -> None:
    rows = list(floor_rows())
    assert {(row["kernel"], row["shape"], row["card"]) for row in rows} == {
        (name, shape, card) for name, kernel in KERNELS.items() for shape in shapes_of(kernel) for card in CARDS
    }
    assert all(row["label"] == LABEL and row["floor_us"] > 0 for row in rows)


def test_attention_is_counted_on_long_sequences() -> None:
    rows = [row for row in floor_rows() if row["kernel"] == "attend_chunks" and row["card"] == "A100"]
    assert [row["shape"] for row in rows] == list(REFORMERS)
    assert rows[0]["flops"] == 8 * 32_768 * 128 * 4 * 64  # heads, queries, keys of each, two products of heads of 64
    assert rows[2]["bytes"] == 2 * rows[0]["bytes"]


def test_occupancy_counts_dynamic_shared_memory() -> None:
    kernel = KERNELS["simhash"]
    row = occupancy_row(Usage(kernel, "simhash<float, int>", 90, registers=40, spills=0, shared=100, stack=0))
    assert row["shared"] == 100 + 4 * 4 * 4 * 7  # 16 tables of 14 bits are seven words
    assert (row["blocks"], row["limit"]) == (12, "registers")
