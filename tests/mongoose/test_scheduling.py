"""When each policy asks for an update."""

import math

import pytest
import torch
from torch import Tensor

from mongoose.scheduling.always import Always
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.scheduling.drift import Drift
from mongoose.scheduling.every import Every
from mongoose.scheduling.exponential import Exponential
from mongoose.scheduling.never import Never

WEIGHT = torch.randn(500, 16, generator=torch.Generator().manual_seed(0))


def updates(policy: UpdatePolicy, steps: int, weight: Tensor = WEIGHT) -> list[int]:
    """The steps at which the policy asked, obeyed each time."""
    policy.updated(0, weight)
    asked = []
    for step in range(1, steps + 1):
        if policy.rows_to_update(step, weight) is Rows.ALL:
            asked.append(step)
            policy.updated(step, weight)
    return asked


def drift(threshold: float, **options: int) -> Drift:
    return Drift(threshold, dim=16, generator=torch.Generator().manual_seed(1), **options)


def test_always_never_and_every() -> None:
    assert updates(Always(), 3) == [1, 2, 3]
    assert updates(Never(), 3) == []
    assert updates(Every(4), 9) == [4, 8]


def test_exponential_follows_the_sum_of_slide() -> None:
    policy = Exponential(first=50, growth=0.3)
    due = [sum(50 * math.exp(0.3 * i) for i in range(t)) for t in range(1, 6)]
    assert updates(policy, 1000)[:5] == [math.ceil(time) for time in due]


def test_drift_of_weights_at_rest_is_zero() -> None:
    assert updates(drift(0.0), 5) == []


def test_drift_counts_flipped_bits_not_integers() -> None:
    policy = drift(0.5)
    policy.updated(0, WEIGHT)
    assert policy.drift(-WEIGHT) == 1.0
    half = torch.cat([WEIGHT[:250], -WEIGHT[250:]])
    assert policy.drift(half) == pytest.approx(0.5, abs=0.01)


def test_drift_asks_once_the_threshold_is_passed_and_then_starts_anew() -> None:
    policy = drift(0.2)
    policy.updated(0, WEIGHT)
    moved = torch.cat([WEIGHT[:300], -WEIGHT[300:]])
    assert policy.rows_to_update(1, WEIGHT) is Rows.NONE
    assert policy.rows_to_update(2, moved) is Rows.ALL
    policy.updated(2, moved)
    assert policy.rows_to_update(3, moved) is Rows.NONE


def test_drift_asks_only_at_its_interval() -> None:
    policy = drift(0.2, interval=3)
    policy.updated(0, WEIGHT)
    assert [policy.rows_to_update(step, -WEIGHT) is Rows.ALL for step in (1, 2, 3)] == [False, False, True]


def test_a_sample_of_rows_estimates_the_drift_of_all() -> None:
    sampled = drift(0.5, probe_rows=200)
    sampled.updated(0, WEIGHT)
    half = torch.cat([WEIGHT[:250], -WEIGHT[250:]])
    assert sampled.drift(half) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("make", [lambda: Every(0), lambda: Exponential(0), lambda: drift(1.5)])
def test_settings_out_of_range_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="accepted"):
        make()  # type: ignore[operator]
