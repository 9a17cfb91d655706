"""Growth of upkeep: the walks meet the assumption, the exponents are those that policies have."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from bench.seeds import stream
from bench.studies.growth import Walk, measure
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import UpdatePolicy
from mongoose.scheduling.every import Every
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.two_copy import TwoCopy
from reports.growth import exponent

SIZES = (128, 512, 2048)


@pytest.mark.parametrize("touched", [None, 40])
def test_a_step_moves_and_varies_by_the_constants_of_the_assumption(touched: int | None) -> None:
    """Over 400 steps from the same rows: Σ‖mean‖² = C1² + Σ Var/400, Σ Var² = C2² + O(1/400)."""
    walk = Walk.start(200, 0.5, 0.1, stream(0, "walk"), dim=16, unequal=0.3)
    ids = None if touched is None else walk.draw(touched)
    start, ends = walk.rows.clone(), []
    for _ in range(400):
        walk.rows = start.clone()
        walk.advance(ids)
        ends.append(walk.rows - start)
    change = torch.stack(ends)
    variance = change.var(dim=0).sum(1)
    drift = float(change.mean(0).square().sum() - variance.sum() / 400)
    assert drift == pytest.approx(0.25, rel=0.1)
    assert float(variance.square().sum()) == pytest.approx(0.01, rel=0.1)
    assert int((change != 0).any(2).any(0).sum()) == (200 if touched is None else touched)


def test_some_rows_move_more_than_others_and_are_drawn_more_often() -> None:
    walk = Walk.start(300, 1.0, 0.1, stream(0, "walk"), dim=8, unequal=0.4)
    assert float(walk.pace.max() / walk.pace.min()) == pytest.approx(300**0.4)
    often = torch.zeros(300)
    for _ in range(200):
        often[walk.draw(30)] += 1
    fast = walk.pace > walk.pace.median()
    assert float(often[fast].mean()) > 1.2 * float(often[~fast].mean())


def costs(make: Callable[[], UpdatePolicy], seed: int, what: str, touched: int | None = None) -> list[float]:
    rows = [
        measure(n, make, 30, 0.5, 0.02, stream(seed, f"growth {n}"), warmup=15, touched=touched, dim=8) for n in SIZES
    ]
    return [row[what] for row in rows]


def test_upkeep_grows_as_the_rows_with_always_and_more_slowly_with_two_copies() -> None:
    """Here all rows move at every step; of the assumption the theorem makes √n."""
    always = exponent(SIZES, [costs(Always, seed, "upkeep") for seed in range(2)])
    two_copy = exponent(SIZES, [costs(partial(TwoCopy, 0.1), seed, "upkeep") for seed in range(3)])
    assert (always.low, always.mean, always.high) == pytest.approx((1, 1, 1))
    assert two_copy.high < 0.9
    assert two_copy.mean == pytest.approx(0.5, abs=0.2)


def test_where_few_rows_are_touched_all_of_the_cost_grows_more_slowly() -> None:
    always = exponent(SIZES, [costs(Always, 0, "cost", touched=32)])
    two_copy = exponent(SIZES, [costs(partial(TwoCopy, 0.1), seed, "cost", touched=32) for seed in range(2)])
    assert (always.mean, always.n) == (pytest.approx(1), 1)
    assert two_copy.mean < 0.5


def test_what_is_counted() -> None:
    every = measure(500, partial(Every, 4), 20, 0.5, 0.02, stream(0, "x"), warmup=3)
    assert every["rehashed"] == 500 * 5 / 20
    assert every["upkeep"] == every["cost"] == every["rehashed"]
    oracle = measure(500, Oracle, 20, 0.5, 0.02, stream(0, "x"), touched=50)
    assert 0 < oracle["rehashed"] == oracle["moved"] == oracle["cost"] < 50
    two_copy = measure(500, partial(TwoCopy, 0.2, exponent=1.0), 20, 0.5, 0.02, stream(0, "x"), touched=50)
    assert two_copy["compared"] == 50
    assert two_copy["scanned"] > 0
    assert two_copy["cost"] == two_copy["rehashed"] + two_copy["scanned"] + 50


def test_the_exponent_is_that_of_a_power_law_with_the_interval_over_seeds() -> None:
    ns = [10, 100, 1000]
    slopes = (0.4, 0.5, 0.6)
    found = exponent(ns, [[3 * n**slope for n in ns] for slope in slopes])
    half = 4.302653 * 0.1 / math.sqrt(3)  # t at 97.5 %, two degrees of freedom
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))


@pytest.mark.parametrize("costs", [[[1.0, 0.0]], [[1.0]], [[1.0, math.nan]], []])
def test_costs_that_have_no_exponent_are_refused(costs: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="accepted"):
        exponent([10, 100], costs)
