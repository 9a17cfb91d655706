"""Families that hash by the order of coordinates: WTA and DWTA, on rows at twenty angles."""

from itertools import combinations, product

import pytest
import torch
from torch import Generator

from mongoose.hashing.dwta import DWTA, equal_codes
from mongoose.hashing.wta import WTA, one_winner


def test_one_winner_is_the_share_of_bins_in_which_the_same_coordinate_wins() -> None:
    """All 45 bins of eight out of ten coordinates."""
    a, b = torch.randn(2, 12, 10, generator=Generator().manual_seed(0))
    bins = torch.tensor(list(combinations(range(10), 8)))
    same = a[:, bins].argmax(2) == b[:, bins].argmax(2)
    assert torch.allclose(one_winner(a, b), same.double().mean(1))


@pytest.mark.parametrize("bits", [3, 6])
@pytest.mark.parametrize("family", [WTA, DWTA])
def test_bins_of_their_own_permutations_follow_the_law(
    count, rows_at, family: type[WTA] | type[DWTA], bits: int
) -> None:
    """At D = 15 a permutation makes one bin, so that a million tables are independent draws."""
    found = count(lambda n, g: family(15, num_bits=bits, num_tables=n, generator=g), rows_at(15))
    assert found.follow_the_law(found.binomial)


@pytest.mark.parametrize(("dim", "bound"), [(24, 0.06), (64, 0.015)])
def test_bins_of_one_permutation_follow_the_law_nearly(count, rows_at, dim: int, bound: float) -> None:
    """Two bins a code: the bounds of WTA's docstring."""
    found = count(lambda n, g: WTA(dim, num_bits=6, num_tables=n, generator=g), rows_at(dim), draws=400_000)
    assert found.follow_the_law(found.measured, within=bound)


@pytest.mark.parametrize("bits", [3, 6, 12])
def test_overlapping_winners_collide_as_often_as_sums_do(count, rows_at, bits: int) -> None:
    """The released packing, on independent bins."""
    found = count(
        lambda n, g: DWTA(15, num_bits=bits, num_tables=n, generator=g, bits_per_bin=2), rows_at(15), tables=10_000
    )
    assert found.follow_the_law(found.binomial)
    apart = DWTA(15, num_bits=bits, num_tables=1, generator=Generator())
    rows = rows_at(15)
    separate = apart.collision_probability(rows[:1].expand(20, -1), rows[1:])
    assert bool((found.law >= separate).all())
    assert bool((found.law > 1.5 * separate).any()) == (bits > 3)


def test_winners_side_by_side_are_equal_only_if_all_are() -> None:
    agree = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert torch.allclose(equal_codes(agree, 5, 3), agree**5)


@pytest.mark.parametrize(("bins", "bits_per_bin", "expected"), [(1, 2, 8), (2, 2, 36), (6, 2, 9_556), (6, 3, 2**18)])
def test_reachable_codes_are_counted(bins: int, bits_per_bin: int, expected: int) -> None:
    """9,556 is what a simulation of SLIDE's release reached at K = 6."""
    family = DWTA(24, num_bits=3 * bins, num_tables=1, generator=Generator(), bits_per_bin=bits_per_bin)  # type: ignore[arg-type]
    assert family.reachable_codes == expected
    if bins < 6:
        sums = {sum(w << bits_per_bin * j for j, w in enumerate(each)) for each in product(range(8), repeat=bins)}
        assert len(sums) == expected


@pytest.mark.parametrize(("bits_per_bin", "least", "most"), [(2, 0.035, 9_556 / 2**18), (3, 0.97, 1.0)])
def test_the_released_packing_reaches_a_few_per_cent_of_the_buckets(
    bits_per_bin: int, least: float, most: float
) -> None:
    """A million random rows in 2¹⁸ buckets: with two bits a bin 3.6 % are ever used, with three nearly all."""
    generator = Generator().manual_seed(0)
    family = DWTA(128, num_bits=18, num_tables=1, generator=generator, bits_per_bin=bits_per_bin)  # type: ignore[arg-type]
    used = torch.zeros(2**18, dtype=torch.bool)
    for _ in range(10):
        used[family.codes(torch.randn(100_000, 128, generator=generator)).flatten().long()] = True
    assert least < float(used.float().mean()) <= most
