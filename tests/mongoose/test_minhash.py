"""MinHash and DOPH as families; their collisions are in hashing_laws."""

import pytest
import torch
from torch import Generator

from mongoose.hashing.doph import DOPH
from mongoose.hashing.minhash import MinHash

FAMILIES = [MinHash, DOPH]


@pytest.mark.parametrize("family", FAMILIES)
def test_only_which_coordinates_are_largest_matters(family: type[MinHash]) -> None:
    built = family(40, num_bits=8, num_tables=9, generator=Generator().manual_seed(0), top=10)
    x = torch.rand(200, 40, generator=Generator().manual_seed(1))
    largest = torch.zeros(200, 40).scatter_(1, x.argsort(1, descending=True)[:, :10], 1)
    assert torch.equal(built.codes(x), built.codes(largest))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_bit_and_every_hash_counts(family: type[MinHash]) -> None:
    """Codes of unrelated rows fill the buckets, and one more hash a code makes related rows collide more rarely."""
    x = torch.randn(4000, 40, generator=Generator().manual_seed(1))
    built = family(40, num_bits=5, num_tables=1, generator=Generator().manual_seed(0), num_hashes=4)
    assert len(built.codes(x).unique()) == 32
    near = x + 0.3 * x.roll(1, 0)
    rates = [
        float((codes.codes(x) == codes.codes(near)).float().mean())
        for codes in (
            family(40, num_bits=12, num_tables=20, generator=Generator().manual_seed(2), num_hashes=h)
            for h in (1, 2, 4)
        )
    ]
    assert rates[0] > rates[1] + 0.1 > rates[2] + 0.2


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "wrong", [{"num_bits": 0}, {"num_bits": 25}, {"top": 0}, {"top": 25}, {"num_hashes": 0}], ids=str
)
def test_what_does_not_fit_is_refused(family: type[MinHash], wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="accepted: 1 … 24 bits"):
        family(24, **{"num_bits": 6, "num_tables": 2} | wrong, generator=Generator())  # type: ignore[arg-type]


def test_more_bins_than_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match="num_hashes=25 bins of 24"):
        DOPH(24, num_bits=6, num_tables=2, generator=Generator(), num_hashes=25)
