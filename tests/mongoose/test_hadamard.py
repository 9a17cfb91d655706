"""HadamardSimHash; its collisions are in hashing_laws."""

import torch
from torch import Generator

from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.ops.simhash import simhash


def test_codes_are_those_of_the_planes() -> None:
    family = HadamardSimHash(40, num_bits=9, num_tables=11, generator=Generator().manual_seed(0))
    x = torch.randn(50, 40, generator=Generator().manual_seed(1))
    assert float((family.codes(x) != simhash(x, family.planes, 11)).float().mean()) < 0.01  # rounding


def test_scale_does_not_matter() -> None:
    family = HadamardSimHash(40, num_bits=9, num_tables=11, generator=Generator().manual_seed(0))
    x = torch.randn(50, 40, generator=Generator().manual_seed(1))
    assert torch.equal(family.codes(x), family.codes(4 * x))
