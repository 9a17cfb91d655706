"""Families that hash by direction: SimHash on four kinds of planes, and cross-polytopes, at twenty angles."""

import math
from itertools import combinations, product

import pytest
import torch
from torch import Tensor

from mongoose.hashing.cross_polytope import CrossPolytope
from mongoose.hashing.cross_polytope_law import cross_polytope_collisions
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.law import angle_between
from mongoose.hashing.simhash import Planes, SimHash


def test_angles_are_those_that_rows_were_made_at(rows_at, angles: Tensor) -> None:
    rows = rows_at(30)
    assert torch.allclose(angle_between(rows[:1].expand(20, -1), 5 * rows[1:]), angles, atol=1e-6)
    assert angle_between(rows, rows).tolist() == [0.0] * 21
    assert torch.allclose(angle_between(rows, -rows), torch.tensor(math.pi).double())


def test_gaussian_planes_follow_the_law(count, rows_at) -> None:
    """A million independent tables of two bits: (1 − θ/π)²."""
    found = count(lambda tables, g: SimHash(16, num_bits=2, num_tables=tables, generator=g), rows_at(16))
    assert found.follow_the_law(found.binomial)


def every_plane(kind: Planes, dim: int) -> Tensor:
    """[planes, dim]: all that can be drawn, each as likely as any other."""
    chosen = -(-dim // 3) if kind == "sparse" else dim
    planes = []
    for places in combinations(range(dim), chosen):
        for signs in product([-1.0, 1.0], repeat=chosen):
            plane = [0.0] * dim
            for place, sign in zip(places, signs, strict=True):
                plane[place] = sign
            planes.append(plane)
    return torch.tensor(planes)


@pytest.mark.parametrize("kind", ["signs", "sparse"])
def test_planes_of_signs_are_drawn_evenly_from_all_there_are(count, rows_at, kind: Planes) -> None:
    """At D = 9 a bit's chance of agreement is counted out, over 512 planes or 672; a million draws agree with it."""
    rows = rows_at(9)
    bits = rows @ every_plane(kind, 9).T > 0
    exact = (bits[1:] == bits[0]).double().mean(1)
    found = count(lambda n, g: SimHash(9, num_bits=1, num_tables=n, planes=kind, generator=g), rows)
    off = (found.rates.mean(0) - exact).abs()
    assert bool((off <= 4 * (exact * (1 - exact) / found.tables).sqrt()).all())
    assert not found.follow_the_law(found.binomial)  # which is not the law's: the planes are too few


@pytest.mark.parametrize("kind", ["signs", "sparse"])
def test_planes_of_signs_follow_the_law_nearly(count, rows_at, kind: Planes) -> None:
    """A bit at D = 32: the bound of the docstring, 6/D²."""
    found = count(lambda n, g: SimHash(32, num_bits=1, num_tables=n, planes=kind, generator=g), rows_at(32))
    assert found.follow_the_law(found.binomial, within=6 / 32**2)


@pytest.mark.parametrize("dim", [1, 8, 9, 10])
def test_a_sparse_plane_has_a_third_of_the_coordinates(dim: int) -> None:
    planes = SimHash(dim, num_bits=5, num_tables=40, planes="sparse", generator=torch.Generator().manual_seed(0)).planes
    assert set((planes != 0).sum(0).tolist()) == {math.ceil(dim / 3)}
    assert set(planes.unique().tolist()) <= {-1.0, 0.0, 1.0}


def test_hadamard_planes_follow_the_law_nearly(count, rows_at) -> None:
    """Four bits at D = 128, where a block of planes makes 32 tables: the bound of the docstring, 0.4/P."""
    for seed in range(4):
        found = count(
            lambda n, g: HadamardSimHash(128, num_bits=4, num_tables=n, generator=g),
            rows_at(128, seed=seed),
            tables=5_000,
            draws=250_000,
            seed=seed,
        )
        assert found.follow_the_law(found.measured, within=0.4 / 128)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_cross_polytopes_follow_the_law(count, rows_at, bits: int) -> None:
    """A million independent tables against the quadrature."""
    found = count(lambda n, g: CrossPolytope(12, num_bits=bits, num_tables=n, generator=g), rows_at(12))
    assert found.follow_the_law(found.binomial)


def test_a_cross_polytope_of_two_corners_is_one_plane(angles: Tensor) -> None:
    assert torch.allclose(cross_polytope_collisions(angles, 1), 1 - angles / math.pi, rtol=0, atol=1e-10)


@pytest.mark.parametrize("directions", [1, 4, 64, 1024])
def test_corners_are_even(directions: int) -> None:
    """Equal rows always collide, opposite ones never, and rows at right angles once in 2P."""
    ends = cross_polytope_collisions(torch.tensor([0, math.pi / 2, math.pi], dtype=torch.float64), directions)
    assert ends.tolist() == pytest.approx([1, 0.5 / directions, 0], rel=1e-6)


@pytest.mark.parametrize("directions", [2, 8, 64])
@pytest.mark.parametrize("degrees", [30, 70, 90, 120])
def test_the_quadrature_is_that_of_the_definition(directions: int, degrees: int) -> None:
    """The same integral by sums over a grid of small squares."""
    rho, step = math.cos(math.radians(degrees)), 0.02
    middle = (torch.arange(350, dtype=torch.float64) + 0.5) * step
    x, y = middle.unsqueeze(1), middle.unsqueeze(0)
    scale = step**2 / (2 * math.pi * math.sqrt(1 - rho**2))
    alike, apart = (scale * ((s * 2 * rho * x * y - x**2 - y**2) / (2 - 2 * rho**2)).exp() for s in (1, -1))
    edge = torch.nn.functional.pad((2 * alike + 2 * apart).cumsum(0).cumsum(1), (1, 0, 1, 0))
    nearer = (edge[1:, 1:] + edge[1:, :-1] + edge[:-1, 1:] + edge[:-1, :-1]) / 4
    expected = directions * (2 * alike * nearer ** (directions - 1)).sum()
    found = cross_polytope_collisions(torch.tensor([math.radians(degrees)]), directions)
    assert float(found) == pytest.approx(float(expected), rel=1e-3)
