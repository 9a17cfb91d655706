"""Occupancy, at points that NVIDIA's limits give by hand."""

import pytest

from cuda_kernels.nvrtc import ARCHITECTURES
from cuda_kernels.occupancy import MULTIPROCESSORS, Limit, occupancy


@pytest.mark.parametrize(
    ("architecture", "registers", "block", "shared", "blocks", "share", "limit"),
    [
        (80, 32, 256, 0, 8, 1.0, "warps"),
        (80, 33, 256, 0, 6, 0.75, "registers"),  # 33 · 32 = 1056, given as 1280: twelve warps of a quarter
        (75, 64, 128, 0, 8, 1.0, "warps"),
        (75, 16, 32, 0, 16, 0.5, "blocks"),
        (86, 40, 256, 0, 6, 1.0, "warps"),
        (90, 64, 256, 0, 4, 0.5, "registers"),
        (90, 32, 128, 48 * 1024, 4, 0.25, "shared memory"),  # 49 KiB with the system's, of 228
        (75, 32, 128, 48 * 1024, 1, 0.125, "shared memory"),  # of 64
        (80, 255, 1024, 0, 0, 0.0, "registers"),  # cannot be launched
    ],
)
def test_blocks_that_fit(
    architecture: int, registers: int, block: int, shared: int, blocks: int, share: float, limit: Limit
) -> None:
    found = occupancy(architecture, registers, block, shared)
    assert (found.blocks, found.share, found.limit) == (blocks, share, limit)
    assert found.warps == blocks * block // 32


def test_every_architecture_that_is_compiled_for_is_known() -> None:
    assert set(ARCHITECTURES) == set(MULTIPROCESSORS)
