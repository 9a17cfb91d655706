"""simhash and bit_distance: kernel against definition."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.simhash import BLOCK, bit_distance, simhash

SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]


def whole(rows: int, columns: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    """Small whole numbers: their products and sums are exact in any order, and projections often tie with an offset."""
    return torch.randint(-4, 5, (rows, columns), generator=Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 7, 100, 128])
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize(("bits", "tables"), [(1, 1), (9, 5), (24, 2)])
def test_kernel_is_the_definition(both, rows: int, dim: int, dtype: torch.dtype, bits: int, tables: int) -> None:
    x, planes, offset = whole(rows, dim, dtype), whole(dim, bits * tables, dtype, 1), whole(1, bits * tables, dtype, 2)
    for limit in (None, offset[0]):
        reference, kernel = both(simhash, x, planes, tables, limit)
        assert torch.equal(reference, kernel)


def test_more_rows_than_are_projected_at_once(both) -> None:
    reference, kernel = both(simhash, whole(BLOCK + 33, 5, torch.float32), whole(5, 12, torch.float32, 1), 2)
    assert torch.equal(reference, kernel)


def test_layout_does_not_matter(both, strided) -> None:
    x, planes, offset = whole(100, 12, torch.float32), whole(12, 18, torch.float32, 1), whole(1, 18, torch.float32, 2)
    reference, _ = both(simhash, x, planes, 3, offset[0])
    _, kernel = both(simhash, strided(x), strided(planes), 3, strided(offset[0]))
    assert torch.equal(reference, kernel)


@pytest.mark.parametrize("rows", SIZES)
def test_bit_distance_is_the_definition(both, strided, rows: int) -> None:
    a, b = torch.randint(0, 2**24, (2, rows, 5), dtype=torch.int32, generator=Generator().manual_seed(rows))
    reference, kernel = both(bit_distance, a, b)
    assert torch.equal(reference, kernel)
    assert torch.equal(reference, both(bit_distance, strided(a), b)[1])


def test_declarations_hold() -> None:
    x, planes, offset = whole(10, 4, torch.float32), whole(4, 6, torch.float32), whole(1, 6, torch.float32)
    torch.library.opcheck(simhash.torch_op, (x, planes, 2, offset[0]))
    torch.library.opcheck(bit_distance.torch_op, tuple(torch.randint(0, 9, (2, 3, 4), dtype=torch.int32)))
