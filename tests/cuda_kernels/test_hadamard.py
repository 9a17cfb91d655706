"""The kernel of the fast Hadamard transform against its definition."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.errors import KernelArgumentError
from mongoose.ops.hadamard import hadamard_simhash

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Small whole numbers: both transforms are exact on them, and projections often tie with an offset."""
    return torch.randint(-4, 5, shape, generator=Generator().manual_seed(seed)).to(dtype)


def signs(blocks: int, size: int) -> Tensor:
    return torch.randint(0, 2, (blocks, 2, size), generator=Generator().manual_seed(1)).float() * 2 - 1


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("dim", "bits", "tables"), [(1, 1, 1), (17, 24, 2), (100, 7, 37)])
@pytest.mark.parametrize("rows", SIZES)
def test_codes_are_those_of_the_definition(
    both: Both, rows: int, dim: int, bits: int, tables: int, dtype: torch.dtype
) -> None:
    if rows > 127:
        dim, tables = min(dim, 16), min(tables, 2)
    size = max(16, 1 << (dim - 1).bit_length())
    x, drawn = whole(rows, dim, dtype=dtype), signs(-(-bits * tables // size), size)
    for offset in (None, whole(bits * tables, dtype=dtype, seed=2)):
        reference, kernel = both(hadamard_simhash, x, drawn, bits, tables, offset)
        assert torch.equal(reference, kernel)


def test_a_transform_that_shared_memory_cannot_hold_is_refused(device: torch.device) -> None:
    x = torch.zeros(1, 10_000, device=device)
    with pytest.raises(KernelArgumentError, match="bytes of shared memory"):
        hadamard_simhash(x, torch.ones(1, 2, 16384, device=device), 1, 1)
