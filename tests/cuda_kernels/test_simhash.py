"""The SimHash kernels against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.launch import launch
from mongoose.hashing.simhash import SimHash, draw_planes
from mongoose.ops.simhash import bit_distance, simhash
from mongoose.ops.sparse_simhash import entries_of, sparse_simhash

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]


def whole(rows: int, columns: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Small whole numbers: their products and sums are exact in any order, and projections often tie with an offset."""
    return torch.randint(-4, 5, (rows, columns), generator=Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("bits", "tables", "dim"), [(1, 1, 1), (9, 5, 13), (24, 2, 7)])
@pytest.mark.parametrize("rows", SIZES)
def test_codes_are_those_of_the_definition(
    both: Both, rows: int, bits: int, tables: int, dim: int, dtype: torch.dtype
) -> None:
    x, planes, offset = whole(rows, dim, dtype), whole(dim, bits * tables, dtype, 1), whole(1, bits * tables, dtype, 2)
    for limit in (None, offset[0]):
        reference, kernel = both(simhash, x, planes, tables, limit)
        assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bits", [31, 32, 33, 63])
def test_codes_of_64_bits_hold_as_many_planes(device: torch.device, bits: int, dtype: torch.dtype) -> None:
    x, planes = whole(37, 5, dtype), whole(5, 3 * bits, dtype, seed=1)
    codes = torch.empty(37, 3, dtype=torch.int64, device=device)
    launch("simhash", x=x.to(device), planes=planes.to(device), offset=None, codes=codes, K=bits)
    signs = (x @ planes > 0).view(37, 3, bits)
    assert torch.equal(codes.cpu(), (signs.long() << torch.arange(bits)).sum(2))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("bits", "tables", "dim"), [(1, 1, 1), (9, 5, 13), (24, 2, 7)])
@pytest.mark.parametrize("rows", SIZES)
def test_codes_of_sparse_planes_are_those_of_the_definition(
    both: Both, rows: int, bits: int, tables: int, dim: int, dtype: torch.dtype
) -> None:
    """And to the last bit: both add coordinates in their order."""
    generator = Generator().manual_seed(rows)
    planes = draw_planes(dim, bits * tables, "sparse", generator)
    offset = torch.randint(-4, 5, (bits * tables,), generator=generator).to(dtype)
    for x in (whole(rows, dim, dtype), torch.randn(rows, dim, generator=generator).to(dtype)):
        for limit in (None, offset):
            reference, kernel = both(sparse_simhash, x, planes.to(dtype), entries_of(planes), tables, limit)
            assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bits", [31, 32, 33, 63])
def test_codes_of_64_bits_of_sparse_planes(device: torch.device, bits: int, dtype: torch.dtype) -> None:
    x, planes = whole(37, 5, dtype), draw_planes(5, 3 * bits, "sparse", Generator().manual_seed(1))
    codes = torch.empty(37, 3, dtype=torch.int64, device=device)
    launch("sparse_simhash", x=x.to(device), entries=entries_of(planes).to(device), offset=None, codes=codes, K=bits)
    signs = (x @ planes.to(dtype) > 0).view(37, 3, bits)
    assert torch.equal(codes.cpu(), (signs.long() << torch.arange(bits)).sum(2))


def test_the_family_hashes_by_lists_where_planes_are_sparse(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other kernel, and no product with planes that are not there."""
    family = SimHash(13, num_bits=4, num_tables=3, planes="sparse", generator=Generator().manual_seed(0)).to(device)
    x, centre = whole(33, 13).to(device), whole(1, 13, seed=1)[0].to(device)
    expected = simhash.reference(x, family.planes, 3, centre @ family.planes)
    monkeypatch.setattr(simhash, "_cuda", None)
    assert torch.equal(family.codes(x, centre), expected)


@pytest.mark.parametrize("rows", SIZES)
def test_bit_distance_is_the_definition(both: Both, rows: int) -> None:
    generator = Generator().manual_seed(rows)
    a, b = torch.randint(-(2**31), 2**31, (2, rows, 5), generator=generator).int()
    reference, kernel = both(bit_distance, a, b)
    assert torch.equal(reference, kernel)
