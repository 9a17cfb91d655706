"""When each policy asks for an update."""

import math

import pytest
import torch
from torch import Tensor

from mongoose.hashing.simhash import SimHash
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.scheduling.drift import Drift
from mongoose.scheduling.every import Every
from mongoose.scheduling.exponential import Exponential
from mongoose.scheduling.margin import Margin
from mongoose.scheduling.never import Never
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.touched import Touched
from mongoose.scheduling.two_copy import TwoCopy

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


def small_step(weight: Tensor) -> Tensor:
    """As Adam's first step: every entry moves by 0.001."""
    return weight + 1e-3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)).sign()


def test_the_released_reformer_scheduler_fires_though_next_to_no_bit_has_flipped() -> None:
    """It subtracts packed integers, in which a bit weighs up to 512; the threshold of 1 % is then passed by 0.05 %."""
    policy = Drift.released_reformer(dim=16, generator=torch.Generator().manual_seed(1))
    policy.updated(0, WEIGHT)
    moved = small_step(WEIGHT)
    assert policy.rows_to_update(1, moved) is Rows.ALL
    codes = [policy.probe.codes(rows) for rows in (WEIGHT, moved)]
    assert policy.drift(moved) == pytest.approx(float((codes[0] - codes[1]).abs().double().mean()))
    policy.compare = "bits"
    assert 0 < policy.drift(moved) < 0.002
    assert policy.rows_to_update(1, moved) is Rows.NONE


def test_the_released_slide_scheduler_is_the_share_of_flipped_one_bit_codes() -> None:
    policy = Drift.released_slide(dim=16, num_tables=30, generator=torch.Generator().manual_seed(1))
    policy.updated(0, WEIGHT)
    flipped = [torch.cat([-WEIGHT[:rows], WEIGHT[rows:]]) for rows in (149, 151)]
    assert policy.codes.shape == (500, 30)
    assert policy.drift(flipped[0]) == pytest.approx(149 / 500)
    assert [policy.rows_to_update(1, weight) for weight in flipped] == [Rows.NONE, Rows.ALL]


def test_what_deciding_takes_is_counted() -> None:
    policy = drift(0.2, probe_rows=200, interval=3)
    assert updates(policy, 9) == []
    assert (policy.cost.asked, policy.cost.rows_hashed) == (3, 200 + 3 * 200)
    other = Always()
    updates(other, 3)
    assert (other.cost.asked, other.cost.rows_hashed, other.cost.rows_compared) == (0, 0, 0)


def test_what_was_touched_since_the_last_update_is_to_be_updated() -> None:
    policy = Touched()
    policy.updated(0, WEIGHT)
    policy.touched(torch.tensor([4, 9]))
    policy.touched(torch.tensor([2, 4]))
    for _ in range(2):
        assert list_of(policy.rows_to_update(1, WEIGHT)) == [2, 4, 9]
    policy.updated(1, WEIGHT, torch.tensor([2, 4, 9]))
    policy.touched(torch.tensor([7]))
    assert list_of(policy.rows_to_update(2, WEIGHT)) == [7]


def list_of(rows: Rows | Tensor) -> list[int]:
    assert isinstance(rows, Tensor)
    found: list[int] = rows.tolist()
    return found


def test_a_step_that_touched_nothing_is_told_apart_from_one_that_nobody_told_of() -> None:
    policy = Touched()
    policy.updated(0, WEIGHT)
    policy.touched(torch.empty(0, dtype=torch.int64))
    assert policy.rows_to_update(1, WEIGHT) is Rows.NONE
    policy.updated(1, WEIGHT)
    assert list_of(policy.rows_to_update(2, WEIGHT)) == list(range(500))


@pytest.mark.parametrize("make", [Touched, TwoCopy, Margin, Oracle])
def test_all_rows_are_updated_at_their_interval(make: type[Touched | TwoCopy | Margin | Oracle]) -> None:
    policy = make(full_every=3)
    policy.attach(OneTable())
    policy.updated(0, WEIGHT)
    seen = []
    for step in range(1, 8):
        policy.touched(torch.empty(0, dtype=torch.int64))
        seen.append(policy.rows_to_update(step, WEIGHT))
    assert seen == [Rows.NONE, Rows.NONE, Rows.ALL] * 2 + [Rows.NONE]


class OneTable:
    """Says how rows are hashed, as an index would that holds WEIGHT."""

    def __init__(self) -> None:
        self.family = SimHash(16, num_bits=4, num_tables=1, generator=torch.Generator().manual_seed(1))
        self.table_codes = self.row_codes(WEIGHT)

    def row_codes(self, rows: Tensor) -> Tensor:
        return self.family.codes(rows)

    def hyperplanes(self) -> tuple[Tensor, Tensor | None]:
        return self.family.planes, None


def test_the_oracle_wants_the_rows_whose_code_changed_and_counts_nothing() -> None:
    policy, table = Oracle(), OneTable()
    policy.attach(table)
    policy.updated(0, WEIGHT)
    moved = WEIGHT + 0.05
    changed = (table.row_codes(moved) != table.table_codes).any(1).nonzero().squeeze(1)
    assert 5 < len(changed) < 100
    policy.touched(changed[1:])
    assert list_of(policy.rows_to_update(1, moved)) == changed[1:].tolist()
    assert list_of(policy.rows_to_update(1, moved)) == changed.tolist()
    assert policy.cost.rows_hashed == 0


def test_a_row_within_its_margin_keeps_its_code_and_the_bound_is_met() -> None:
    """Along the normal of its nearest plane a row may go 0.99 of the margin; at 1.01 it flips."""
    policy, table = Margin(), OneTable()
    policy.attach(table)
    policy.updated(0, WEIGHT)
    normals = table.family.planes / table.family.planes.norm(dim=0)
    margin, nearest = (WEIGHT @ normals).abs().min(dim=1)
    way = -(WEIGHT @ normals).gather(1, nearest[:, None]) * normals.t()[nearest]
    ids = (margin > 1e-2).nonzero().squeeze(1)  # rounding hides less than 1e-5
    assert len(ids) > 450
    near, beyond = (WEIGHT.index_add(0, ids, share * way[ids]) for share in (0.99, 1.01))
    policy.touched(ids)
    assert policy.rows_to_update(1, near) is Rows.NONE
    assert torch.equal(table.row_codes(near), table.table_codes)
    policy.touched(ids)
    assert list_of(policy.rows_to_update(2, beyond)) == ids.tolist()
    assert bool((table.row_codes(beyond) != table.table_codes)[ids].any(1).all())


def test_margin_waits_until_more_than_its_share_may_have_flipped() -> None:
    policy = Margin(share=0.01)
    policy.attach(OneTable())
    policy.updated(0, WEIGHT)
    flipped = [torch.cat([-WEIGHT[:rows], WEIGHT[rows:]]) for rows in (5, 6)]
    assert policy.rows_to_update(1, flipped[0]) is Rows.NONE
    assert list_of(policy.rows_to_update(2, flipped[1])) == [0, 1, 2, 3, 4, 5]
    policy.updated(2, flipped[1], torch.arange(6))
    assert policy.rows_to_update(3, flipped[1]) is Rows.NONE


@pytest.mark.parametrize("make", [Oracle, Margin])
def test_who_looks_at_codes_must_be_told_how_rows_are_hashed(make: type[Oracle | Margin]) -> None:
    with pytest.raises(RuntimeError, match="call attach"):
        updates(make(), 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Every(0),
        lambda: Exponential(0),
        lambda: drift(1.5),
        lambda: Touched(full_every=0),
        lambda: TwoCopy(0.0),
        lambda: TwoCopy(0.1, exponent=1.5),
        lambda: TwoCopy(math.nan),
        lambda: Margin(1.0),
    ],
)
def test_settings_out_of_range_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="accepted"):
        make()  # type: ignore[operator]
