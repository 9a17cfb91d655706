"""SimHash codes against the definition."""

import math

import pytest
import torch

from mongoose.hashing.simhash import SimHash
from mongoose.ops.simhash import bit_distance, simhash


@pytest.mark.parametrize("rows", [0, 1, 31, 33, 1000])
@pytest.mark.parametrize(("bits", "tables"), [(1, 1), (9, 5), (24, 2)])
def test_codes_equal_bit_by_bit_packing(rows: int, bits: int, tables: int) -> None:
    generator = torch.Generator().manual_seed(rows + bits)
    x, planes = torch.randn(rows, 16, generator=generator), torch.randn(16, bits * tables, generator=generator)
    signs = (x @ planes > 0).tolist()
    expected = [[sum(2**j for j in range(bits) if row[table * bits + j]) for table in range(tables)] for row in signs]
    assert simhash(x, planes, tables).tolist() == expected


def test_a_projection_of_zero_gives_zero() -> None:
    assert simhash(torch.zeros(2, 4), torch.randn(4, 6), 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("planes", "tables", "message"), [(7, 2, "divide"), (50, 2, "num_bits=25"), (4, 0, "divide")])
def test_shapes_that_do_not_fit_are_refused(planes: int, tables: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simhash(torch.zeros(1, 3), torch.zeros(3, planes), tables)


def test_bit_distance_counts_differing_bits() -> None:
    a, b = torch.tensor([[0, 0b1011, 2**24 - 1], [0, 0b0010, 0]], dtype=torch.int32)
    assert bit_distance(a, b).tolist() == [0, 2, 24]


@pytest.mark.parametrize("kind", ["gaussian", "signs", "sparse"])
def test_tables_are_independent(kind: str) -> None:
    """For rows at 90°, one table's bit tells nothing of another's: joint collisions are a quarter."""
    family = SimHash(64, num_bits=1, num_tables=2000, planes=kind, generator=torch.Generator().manual_seed(3))  # type: ignore[arg-type]
    a = torch.randn(64, generator=torch.Generator().manual_seed(4))
    b = torch.randn(64, generator=torch.Generator().manual_seed(5))
    codes = family.codes(torch.stack([a, b - a * (a @ b) / (a @ a)]))
    same = (codes[0] == codes[1]).float()
    joint = float((same[0::2] * same[1::2]).mean())
    assert abs(joint - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 1000)


def test_signs_are_plus_or_minus_one() -> None:
    family = SimHash(5, num_bits=2, num_tables=3, planes="signs", generator=torch.Generator().manual_seed(0))
    assert set(family.planes.flatten().tolist()) == {-1.0, 1.0}


def test_unknown_planes_are_refused() -> None:
    with pytest.raises(ValueError, match="'gaussian', 'signs', 'sparse'"):
        SimHash(5, num_bits=2, num_tables=3, planes="cauchy", generator=torch.Generator())  # type: ignore[arg-type]
