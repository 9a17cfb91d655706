"""HadamardSimHash against SimHash's law."""

import math

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.hadamard import HadamardSimHash


def pair_at(degrees: float, dim: int, generator: Generator) -> Tensor:
    """[2, dim]: two unit rows in a random plane."""
    basis = torch.linalg.qr(torch.randn(dim, 2, generator=generator)).Q.T
    theta = math.radians(degrees)
    return torch.stack([basis[0], math.cos(theta) * basis[0] + math.sin(theta) * basis[1]])


@pytest.mark.parametrize("bits", [1, 3, 9])
@pytest.mark.parametrize("degrees", range(9, 180, 18))
def test_collisions_follow_the_law_nearly(degrees: int, bits: int) -> None:
    """At D = 128, over 20,000 tables: within 4 sigma and 6 % of (1 − θ/π)^K; planes of a block are not independent."""
    generator = Generator().manual_seed(degrees)
    family = HadamardSimHash(128, num_bits=bits, num_tables=20_000, generator=generator)
    codes = family.codes(pair_at(degrees, 128, generator))
    expected = family.collision_probability(math.cos(math.radians(degrees)))
    found = float((codes[0] == codes[1]).float().mean())
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / 20_000) + 0.06 * expected


def test_scale_does_not_matter() -> None:
    family = HadamardSimHash(40, num_bits=9, num_tables=11, generator=Generator().manual_seed(0))
    x = torch.randn(50, 40, generator=Generator().manual_seed(1))
    assert torch.equal(family.codes(x), family.codes(4 * x))
