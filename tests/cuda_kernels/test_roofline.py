"""The floor under a launch's time."""

import pytest
import torch

from cuda_kernels.manifest import KERNELS
from cuda_kernels.roofline import CARDS, Card, floor

SLOW = Card("slow", 80, bytes_per_s=1000.0, flops=100.0, flops_float64=10.0)


def test_bytes_are_at_the_memory_s_peak() -> None:
    found = floor(KERNELS["bit_distance"], {}, {"n": 50}, SLOW)
    assert (found.bytes, found.flops, found.seconds, found.bound) == (600, 0, 0.6, "memory")


@pytest.mark.parametrize(("dtype", "width", "seconds"), [(torch.float32, 4, 0.96), (torch.float64, 8, 9.6)])
def test_operations_are_at_the_peak_of_their_dtype(dtype: torch.dtype, width: int, seconds: float) -> None:
    instance, sizes = {"T": dtype, "Code": torch.int32}, {"N": 2, "D": 4, "L": 2, "K": 3}
    found = floor(KERNELS["simhash"], instance, sizes, SLOW)
    assert (found.bytes, found.flops) == (width * (8 + 24) + 16, 96)
    assert found.seconds == pytest.approx(seconds)
    assert found.bound == "arithmetic"


def test_a_size_that_is_missing_is_named() -> None:
    with pytest.raises(NameError, match="'n'"):
        floor(KERNELS["bit_distance"], {}, {}, CARDS["A100"])
