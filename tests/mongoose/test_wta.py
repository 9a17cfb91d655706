"""WTA and DWTA: what their codes keep of a row, and how often rows collide."""

import math
from typing import Literal

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.dwta import DWTA
from mongoose.hashing.wta import WTA, draw_bins

FAMILIES = [WTA, DWTA]


def rows(count: int, dim: int, seed: int = 0) -> Tensor:
    return torch.randn(count, dim, generator=Generator().manual_seed(seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_order_of_coordinates_matters(family: type[WTA] | type[DWTA]) -> None:
    built, x = family(40, num_bits=6, num_tables=9, generator=Generator().manual_seed(0)), rows(300, 40)
    assert torch.equal(built.codes(x), built.codes(x.exp()))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bins", [1, 2])
def test_unrelated_rows_collide_by_chance(family: type[WTA] | type[DWTA], bins: int) -> None:
    """20,000 pairs, one table each: a bin of eight agrees once in eight."""
    built = family(32, num_bits=3 * bins, num_tables=1, generator=Generator().manual_seed(bins))
    codes = built.codes(rows(40_000, 32)).flatten()
    found, expected = float((codes[::2] == codes[1::2]).float().mean()), 8.0**-bins
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / 20_000)


def test_borrowing_keeps_sparse_rows_apart() -> None:
    """Rows of four coordinates out of 128 leave most bins empty; unrelated ones must not collide for that.

    Without borrowing, empty bins would agree, three bins in four. With it chance alone is left, 8⁻² for two bins; twice
    that is allowed, since the same winner may be borrowed for both.
    """
    generator = Generator().manual_seed(0)
    family = DWTA(128, num_bits=6, num_tables=20, generator=generator)
    x = torch.zeros(2000, 128)
    places = torch.rand(2000, 128, generator=generator).argsort(1)[:, :4]
    x.scatter_(1, places, 1 + torch.rand(2000, 4, generator=generator))
    codes = family.codes(x)
    agreement = float((codes[::2] == codes[1::2]).float().mean())
    assert agreement < 2 / 64
    kept = x * (torch.rand(2000, 128, generator=generator) < 0.9)  # one in ten coordinates is lost
    assert float((codes == family.codes(kept)).float().mean()) > 0.5


@pytest.mark.parametrize("bits_per_bin", [2, 3])
def test_sparse_and_dense_rows_have_the_same_codes(bits_per_bin: Literal[2, 3]) -> None:
    generator = Generator().manual_seed(0)
    family = DWTA(60, num_bits=9, num_tables=5, generator=generator, bits_per_bin=bits_per_bin)
    x = torch.relu(rows(200, 60) - 1)
    row, indices = x.nonzero(as_tuple=True)
    offsets = torch.searchsorted(row, torch.arange(201))
    assert torch.equal(family.codes(x), family.sparse_codes(indices, x[row, indices], offsets))


def test_the_released_packing_adds_up_the_same_winners() -> None:
    """Three bins: their base-8 digits, shifted by two bits each."""
    ours, released = (
        DWTA(60, num_bits=9, num_tables=5, generator=Generator().manual_seed(0), bits_per_bin=bits) for bits in (3, 2)
    )  # type: ignore[misc]
    digits = [ours.codes(rows(300, 60)) >> shift & 7 for shift in (0, 3, 6)]
    assert torch.equal(released.codes(rows(300, 60)), digits[0] + 4 * digits[1] + 16 * digits[2])


def test_other_packings_are_refused() -> None:
    with pytest.raises(ValueError, match="bits_per_bin=1"):
        DWTA(60, num_bits=9, num_tables=5, generator=Generator(), bits_per_bin=1)  # type: ignore[arg-type]


def test_bins_are_cut_from_permutations() -> None:
    bins = draw_bins(27, 6, 10, Generator().manual_seed(0))
    assert bins.shape == (20, 8)
    for at in range(0, 18, 3):
        assert len(set(bins[at : at + 3].flatten().tolist())) == 24


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("dim", "bits", "message"), [(7, 6, "dim=7"), (24, 5, "multiple of 3"), (24, 0, "multiple of 3")]
)
def test_shapes_that_do_not_fit_are_refused(family: type[WTA] | type[DWTA], dim: int, bits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        family(dim, num_bits=bits, num_tables=2, generator=Generator())
