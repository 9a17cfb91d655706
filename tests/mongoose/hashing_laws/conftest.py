"""How the collisions of a hash family are held against its law: counted over a million draws.

A draw is a table: the same rows are hashed by a million tables of a family, built fifty times or more so that they need
not all lie in memory. Where tables are independent draws, the count of collisions is binomial, and its sigma is known.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import CollisionLaw
from mongoose.ops.backend import using

DRAWS = 1_000_000
Make = Callable[[int, Generator], HashFamily]  # number of tables, generator → family


@pytest.fixture(scope="module", autouse=True)
def backend() -> Iterator[str]:
    """One backend: that all give the same codes is shown by tests/mongoose/ops."""
    with using("auto") as name:
        yield name


@dataclass(frozen=True)
class Collisions:
    """rates: [families, pairs], in which share of a family's tables row 0 had the code of row 1, 2, …

    law: [pairs] float64. tables: tables all together.
    """

    rates: Tensor
    law: Tensor
    tables: int

    @property
    def binomial(self) -> Tensor:
        """[pairs] sigma of the mean rate, if every table is an independent draw and the law is true."""
        return (self.law * (1 - self.law) / self.tables).sqrt()

    @property
    def measured(self) -> Tensor:
        """[pairs] sigma of the mean rate as families, which are independent in any case, differ."""
        return self.rates.std(0) / len(self.rates) ** 0.5

    def follow_the_law(self, sigma: Tensor, within: float = 0.0) -> bool:
        """Whether all rates are within 4 sigma, 4 collisions (for the rarest) and `within` of the law."""
        allowed = 4 * sigma + 4 / self.tables + within
        return bool(((self.rates.mean(0) - self.law).abs() <= allowed).all())


@pytest.fixture
def count() -> Callable[..., Collisions]:
    """`count(make, rows)` → the collisions of row 0 with each of the others, under families of `tables` tables each."""

    def run(make: Make, rows: Tensor, tables: int = 20_000, draws: int = DRAWS, seed: int = 0) -> Collisions:
        generator = Generator().manual_seed(seed)
        rates = []
        for _ in range(draws // tables):
            family = make(tables, generator)
            codes = family.codes(rows)
            rates.append((codes[1:] == codes[0]).double().mean(1))
        assert isinstance(family, CollisionLaw)
        law = family.collision_probability(rows[:1].expand_as(rows[1:]), rows[1:])
        return Collisions(torch.stack(rates), law, len(rates) * tables)

    return run


@pytest.fixture
def angles() -> Tensor:
    """Twenty angles from 4.5° to 175.5°, in radians."""
    return (torch.arange(20, dtype=torch.float64) * 9 + 4.5).deg2rad()


@pytest.fixture
def rows_at(angles: Tensor) -> Callable[[int], Tensor]:
    """`rows_at(dim)` → [21, dim]: a row of random direction, then one at each of the twenty angles to it."""

    def draw(dim: int, seed: int = 1) -> Tensor:
        first, across = torch.linalg.qr(torch.randn(dim, 2, generator=Generator().manual_seed(seed))).Q.T
        others = angles.cos().float().unsqueeze(1) * first + angles.sin().float().unsqueeze(1) * across
        return torch.cat([first.unsqueeze(0), others])

    return draw
