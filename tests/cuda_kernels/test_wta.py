"""The winner-take-all kernels against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.wta import dwta, dwta_csr, wta

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
SHAPES = [(1, 8, 1), (5, 8, 3), (33, 4, 2), (4, 1, 2)]  # tables, coordinates a bin, bins a table


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0, kept: float = 1.0) -> Tensor:
    """Small whole numbers, so that coordinates of a bin often tie; a share of `kept` is not 0."""
    generator = Generator().manual_seed(seed)
    values = torch.randint(-4, 5, shape, generator=generator)
    return torch.where(torch.rand(shape, generator=generator) < kept, values, 0).to(dtype)


def drawn(dim: int, num_bins: int, size: int) -> tuple[Tensor, Tensor]:
    """Bins of any coordinates, with repeats, and probes."""
    generator = Generator().manual_seed(num_bins)
    bins = torch.randint(0, dim, (num_bins, size), generator=generator).int()
    start, step = torch.randint(0, 100, (2, num_bins), generator=generator)
    return bins, torch.stack([start, 2 * step + 1], dim=1).int()


def shapes(rows: int, some: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """These shapes; of many rows, the first two."""
    return some[:2] if rows > 127 else some


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 37])
@pytest.mark.parametrize("rows", SIZES)
def test_wta_is_the_definition(both: Both, rows: int, dim: int, dtype: torch.dtype) -> None:
    x, centre = whole(rows, dim, dtype=dtype), whole(dim, dtype=dtype, seed=1)
    for tables, size, bins_a_table in shapes(rows, SHAPES):
        bins, _ = drawn(dim, tables * bins_a_table, size)
        for subtracted in (None, centre):
            reference, kernel = both(wta, x, bins, tables, subtracted)
            assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 37])
@pytest.mark.parametrize("rows", SIZES)
def test_dwta_is_the_definition(both: Both, rows: int, dim: int, dtype: torch.dtype) -> None:
    centre = whole(dim, dtype=dtype, seed=1, kept=0.2)
    for tables, size, bins_a_table in shapes(rows, SHAPES[:3]):
        bins, probes = drawn(dim, tables * bins_a_table, size)
        for kept, subtracted, bits in [(0.1, None, None), (0.5, centre, 1), (0.0, None, None)]:
            x = whole(rows, dim, dtype=dtype, kept=kept)
            reference, kernel = both(dwta, x, bins, probes, tables, subtracted, bits)
            assert torch.equal(reference, kernel)


def compressed(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """indices, values, offsets of the entries that are not 0, a row's in falling order of their coordinates."""
    row, indices = x.flip(1).nonzero(as_tuple=True)
    indices = x.shape[1] - 1 - indices
    counts = torch.bincount(row, minlength=len(x))
    return indices, x[row, indices], torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 37, 300])
@pytest.mark.parametrize("rows", SIZES)
def test_sparse_rows_have_the_codes_of_dense_ones(both: Both, rows: int, dim: int, dtype: torch.dtype) -> None:
    for tables, size, bins_a_table in shapes(rows, SHAPES[:3]):
        bins, probes = drawn(dim, tables * bins_a_table, size)
        entries = compressed(whole(rows, dim, dtype=dtype, kept=0.2))
        reference, kernel = both(dwta_csr, *entries, dim, bins, probes, tables)
        assert torch.equal(reference, kernel)


def test_explicit_zeros_and_negative_infinity_are_absent(both: Both) -> None:
    bins, probes = drawn(4, 6, 4)
    values = torch.tensor([0.0, -torch.inf, -1.0, 0.0])
    entries = torch.tensor([0, 1, 2, 3]), values, torch.tensor([0, 2, 4])
    reference, kernel = both(dwta_csr, *entries, 4, bins, probes, 3)
    assert torch.equal(reference, kernel)
