"""Families that hash the set of a row's largest coordinates: MinHash and DOPH, at twenty Jaccard similarities."""

from itertools import combinations

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.doph import DOPH, occupied
from mongoose.hashing.minhash import MinHash, shared_members


def rows_sharing(dim: int, top: int) -> Tensor:
    """[21, dim]: a row, then twenty whose sets of `top` share 1/20, 2/20, … of their members with its."""
    generator = Generator().manual_seed(2)
    order = torch.randperm(dim, generator=generator)
    rows = torch.rand(21, dim, generator=generator)
    rows[0, order[:top]] += 1
    for i, row in enumerate(rows[1:], start=1):
        shared = round(top * i / 20)
        row[order[top - shared : 2 * top - shared]] += 1
    return rows


def test_sets_share_what_they_were_made_to_share() -> None:
    rows = rows_sharing(80, 20)
    assert shared_members(rows[:1].expand(20, -1), rows[1:], 20).tolist() == list(range(1, 21))


@pytest.mark.parametrize("hashes", [1, 2])
def test_minhash_follows_the_law(count, hashes: int) -> None:
    """A million independent minima, in tables of one or of two: J^h + (1 − J^h)/2^K."""
    found = count(
        lambda n, g: MinHash(40, num_bits=4, num_tables=n, generator=g, top=20, num_hashes=hashes),
        rows_sharing(40, 20),
        draws=1_000_000 // hashes,
    )
    assert found.follow_the_law(found.binomial)


@pytest.mark.parametrize(("dim", "hashes"), [(40, 2), (50, 11)])
def test_minima_of_one_permutation_follow_their_law(count, dim: int, hashes: int) -> None:
    """Independent tables; with 11 bins of five, some places have no coordinate and many bins no member."""
    found = count(
        lambda n, g: DOPH(dim, num_bits=4, num_tables=n, generator=g, top=20, num_hashes=hashes),
        rows_sharing(dim, 20),
        draws=1_000_000 if hashes < 3 else 200_000,
    )
    assert found.follow_the_law(found.binomial)


def test_minima_of_one_permutation_agree_more_rarely_than_those_of_several() -> None:
    shared = torch.arange(1, 20, dtype=torch.float64)
    one, several = (
        family(40, num_bits=4, num_tables=1, generator=Generator(), top=20, num_hashes=4) for family in (DOPH, MinHash)
    )
    assert bool((one.minima_agree(shared) < several.minima_agree(shared)).all())


def test_occupied_bins_are_counted() -> None:
    """Three members in three bins of two: counted out over all 20 sets of places."""
    found = [len({place // 2 for place in places}) for places in combinations(range(6), 3)]
    exact = [found.count(bins) / 20 for bins in (1, 2, 3)]
    three = torch.tensor([3.0]).double()
    assert [float(occupied(three, bins, 3, 2)) for bins in (1, 2, 3)] == pytest.approx(exact)
