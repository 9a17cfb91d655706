"""Every hash family in mongoose/hashing, found by its class."""

import pkgutil
from importlib import import_module

import pytest
import torch
from torch import Generator

import mongoose.hashing
from mongoose.hashing.base import HashFamily, LearnableHashFamily
from mongoose.hashing.law import AngularLaw, CollisionLaw
from mongoose.hashing.minhash import MinHash


def families() -> list[type[HashFamily]]:
    modules = [
        import_module(info.name) for info in pkgutil.iter_modules(mongoose.hashing.__path__, "mongoose.hashing.")
    ]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    concrete = (c for c in classes if issubclass(c, HashFamily) and not getattr(c, "__abstractmethods__", None))
    return sorted(concrete, key=lambda c: c.__name__)


def build(family: type[HashFamily], seed: int = 0, bits: int = 6, tables: int = 7) -> HashFamily:
    return family(24, num_bits=bits, num_tables=tables, generator=Generator().manual_seed(seed))  # type: ignore[call-arg]


def rows(count: int = 200) -> torch.Tensor:
    return torch.randn(count, 24, generator=Generator().manual_seed(9))


def test_families_are_found() -> None:
    known = {"SimHash", "HadamardSimHash", "CrossPolytope", "WTA", "DWTA", "MinHash", "DOPH", "LearnedSimHash"}
    assert known | {"PCAHash", "ITQ"} <= {family.__name__ for family in families()}


@pytest.mark.parametrize("family", families(), ids=lambda f: f.__name__)
class TestHashFamily:
    @pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1000])
    def test_codes_have_their_shape_and_range(self, family: type[HashFamily], count: int) -> None:
        codes = build(family).codes(rows(count))
        assert codes.shape == (count, 7)
        assert codes.dtype == torch.int32
        assert bool(((codes >= 0) & (codes < 2**6)).all())

    def test_the_generator_decides(self, family: type[HashFamily]) -> None:
        x = rows()
        assert torch.equal(build(family, 1).codes(x), build(family, 1).codes(x))
        assert not torch.equal(build(family, 1).codes(x), build(family, 2).codes(x))

    def test_tables_differ(self, family: type[HashFamily]) -> None:
        codes = build(family).codes(rows())
        assert len({tuple(column) for column in codes.t().tolist()}) == 7

    def test_equal_rows_share_codes_and_opposite_rows_do_not(self, family: type[HashFamily]) -> None:
        """But by chance, 2⁻⁶ + 5 sigma, where codes are mixed: the sets of x and −x differ, and are not opposite."""
        built, x = build(family), rows()
        assert torch.equal(built.codes(x), built.codes(x.clone()))
        shared = float((built.codes(x) == built.codes(-x)).float().mean())
        assert shared <= (2**-6 + 5 * (2**-6 / 1400) ** 0.5 if issubclass(family, MinHash) else 0)

    def test_a_centre_is_what_is_subtracted(self, family: type[HashFamily]) -> None:
        built, x, centre = build(family), rows(1000), rows(1)[0]
        differing = built.codes(x, centre) != built.codes(x - centre)
        assert float(differing.float().mean()) < 1e-3  # bits whose projection lies within rounding of its offset

    @pytest.mark.parametrize("apart", [1, 2, 7])
    def test_tables_are_independent(self, family: type[HashFamily], apart: int) -> None:
        """One pair of rows, 4,000 tables: sharing a code in one says nothing of the next, or another; ± 5 sigma."""
        codes = build(family, bits=3, tables=4000).codes(rows(1) + 0.5 * rows(2))
        same = (codes[0] == codes[1]).double()
        off = same - same.mean()
        covariance = float((off[apart:] * off[:-apart]).mean())
        assert 0.05 < float(same.mean()) < 0.95
        assert abs(covariance) < 5 * float(same.var()) / 4000**0.5

    def test_a_law_is_a_probability_of_pairs(self, family: type[HashFamily]) -> None:
        """1 for equal rows, the same both ways, of many pairs what it is of each; for an angle, 0 for opposite rows."""
        built, a, b = build(family), rows(20), rows(40)[20:]
        if not isinstance(built, CollisionLaw):
            return
        law = built.collision_probability(a, b)
        assert law.shape == (20,)
        assert law.dtype == torch.float64
        assert bool(((law >= 0) & (law <= 1)).all())
        assert torch.allclose(law, built.collision_probability(b, a))
        assert torch.allclose(law[3:4], built.collision_probability(a[3:4], b[3:4]))
        assert torch.allclose(built.collision_probability(a, a), torch.ones(20).double(), rtol=0, atol=1e-9)
        assert built.collision_probability(a[:0], b[:0]).shape == (0,)
        if isinstance(built, AngularLaw):
            assert float(built.collision_probability(a, -a).max()) < 1e-9

    def test_codes_carry_no_gradient_and_leave_the_global_generator_alone(self, family: type[HashFamily]) -> None:
        state = torch.get_rng_state()
        assert not build(family).codes(rows().requires_grad_()).requires_grad
        assert torch.equal(state, torch.get_rng_state())

    def test_state_round_trips(self, family: type[HashFamily]) -> None:
        first, second = build(family, 1), build(family, 2)
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.codes(rows()), second.codes(rows()))

    def test_near_rows_collide_more_often_than_far_ones(self, family: type[HashFamily]) -> None:
        built, x = build(family), rows()
        near = (built.codes(x) == built.codes(x + 0.1 * rows().flip(0))).float().mean()
        far = (built.codes(x) == built.codes(x.flip(0))).float().mean()
        assert near > 0.5 > 0.2 > far

    def test_queries_have_the_codes_of_rows(self, family: type[HashFamily]) -> None:
        """As families come; those that tell queries from rows have to be asked to."""
        built, x, centre = build(family), rows(), rows(1)[0]
        if isinstance(built, LearnableHashFamily):
            built.fit(x, x + rows().flip(0), x.roll(1, 0))
        assert torch.equal(built.query_codes(x, centre), built.codes(x, centre))

    def test_a_learnable_family_lowers_its_loss(self, family: type[HashFamily]) -> None:
        built, x = build(family), rows()
        if not isinstance(built, LearnableHashFamily):
            return
        triplets = (x, x + rows().flip(0), x.roll(1, 0))
        before = float(built.loss(*triplets).detach())
        built.fit(*triplets)
        assert float(built.loss(*triplets).detach()) < before
