"""Algorithm 1: no row is far from its copy unless it is aside, and rows move as the paper says."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mongoose.scheduling.base import Rows
from mongoose.scheduling.touched import Touched
from mongoose.scheduling.two_copy import TwoCopy


def make_rows(n: int, seed: int = 0, dim: int = 5) -> Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


class Owner:
    """Moves the rows that the policy names, into a copy of its own."""

    def __init__(self, policy: TwoCopy, weight: Tensor) -> None:
        self.policy, self.weight, self.held, self.step = policy, weight.clone(), weight.clone(), 0
        policy.updated(0, self.weight)

    def take(self, ids: Tensor, change: Tensor) -> Rows | Tensor:
        """One step that changes these rows."""
        self.step += 1
        self.weight[ids] += change
        self.policy.touched(ids)
        rows = self.policy.rows_to_update(self.step, self.weight)
        if rows is not Rows.NONE:
            at = slice(None) if isinstance(rows, Rows) else rows
            self.held[at] = self.weight[at]
            self.policy.updated(self.step, self.weight, rows)
        return rows

    @property
    def distance(self) -> Tensor:
        return (self.weight - self.held).norm(dim=1)

    def check(self) -> None:
        """What the paper promises after every step, and that fewer than n^a rows are aside."""
        aside = [] if self.policy.aside is None else self.policy.aside.tolist()
        far = (self.distance >= self.policy.radius).nonzero().squeeze(1).tolist()
        assert aside == far
        assert len(aside) < max(1, len(self.weight) ** self.policy.exponent)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["some", "all", "none", "tie", "back"]),
        st.floats(0, 2),
        st.integers(0, 2**31),
    ),
    max_size=12,
)


@given(
    n=st.sampled_from([1, 2, 3, 4, 31, 200]),
    epsilon=st.sampled_from([0.01, 0.3, 1.5]),
    exponent=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    full_every=st.sampled_from([None, 3]),
    steps=STEPS,
)
@settings(max_examples=150, deadline=None)
def test_after_every_step_a_row_is_near_its_copy_or_aside(
    n: int, epsilon: float, exponent: float, full_every: int | None, steps: list[tuple[str, float, int]]
) -> None:
    """Walks of some rows, of all, of none, of all by the same length, and back to the copies."""
    owner = Owner(TwoCopy(epsilon, exponent=exponent, full_every=full_every), make_rows(n))
    for kind, length, seed in steps:
        generator = torch.Generator().manual_seed(seed)
        ids = torch.arange(n) if kind != "some" else (torch.rand(n, generator=generator) < 0.2).nonzero().squeeze(1)
        change = length * torch.randn(len(ids), 5, generator=generator)
        if kind == "tie":
            change = length * torch.nn.functional.normalize(change, dim=1)
        elif kind == "back":
            change = owner.held - owner.weight
        elif kind == "none":
            ids, change = ids[:0], change[:0]
        owner.take(ids, change)
        owner.check()


def test_below_its_number_nothing_moves_and_at_it_they_all_do() -> None:
    owner = Owner(TwoCopy(0.5, exponent=0.5), torch.eye(400))
    assert owner.policy.radius == pytest.approx(0.5)
    for i in range(19):
        assert owner.take(torch.tensor([i]), 1 + torch.rand(1, 400, generator=torch.Generator().manual_seed(i))) is (
            Rows.NONE
        )
    assert owner.policy.aside is not None
    assert owner.policy.aside.tolist() == list(range(19))
    rows = owner.take(torch.tensor([19]), torch.ones(1, 400))
    assert isinstance(rows, Tensor)
    assert rows.tolist() == list(range(20))
    assert owner.policy.aside is None


def test_rows_just_under_the_boundary_move_with_those_beyond_it() -> None:
    """1 − 1/log 400 = 0.83: of rows at 1, 0.9 and 0.5 of ε, the first two kinds move."""
    owner = Owner(TwoCopy(1.0, exponent=0.5), torch.eye(400))
    lengths = torch.cat([torch.full((20,), 1.001), torch.full((40,), 0.9), torch.full((40,), 0.5), torch.zeros(300)])
    rows = owner.take(torch.arange(400), lengths[:, None] * torch.eye(400))
    assert isinstance(rows, Tensor)
    assert set(range(20)) <= set(rows.tolist()) <= set(range(60))
    assert len(rows) == 45  # 20 → 30 → 45; place 68 is at 0.5


def literal(distance: Tensor, radius: float) -> int:
    """How many rows the paper's Algorithm 1 moves, after a sort of all."""
    y, n = distance.sort(descending=True).values, len(distance)
    r = int((y >= radius).sum())
    while 1.5 * r < n and y[math.ceil(1.5 * r) - 1] >= (1 - 1 / math.log(n)) * y[r - 1]:
        r = min(math.ceil(1.5 * r), n)
    return r


@pytest.mark.parametrize("n", [3, 20, 700])
@pytest.mark.parametrize("seed", range(12))
def test_the_rows_that_move_are_those_of_the_algorithm_with_a_sort(n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    policy = TwoCopy(1.0, exponent=0.0)
    owner = Owner(policy, torch.nn.functional.normalize(make_rows(n), dim=1))
    spread = 0.05 + 2 * float(torch.rand(1, generator=generator))
    lengths = torch.exp(spread * (torch.randn(n, generator=generator) - 1.5))
    lengths = lengths.clamp(max=lengths[n // 2] * 4)  # ties at the top
    owner.weight += lengths[:, None] * torch.nn.functional.normalize(make_rows(n, seed + 99), dim=1)
    distance = owner.distance
    rows = owner.take(torch.arange(n), torch.zeros(n, 5))
    if not bool((distance >= policy.radius).any()):
        assert rows is Rows.NONE
        return
    assert isinstance(rows, Tensor)
    assert len(rows) == len(rows.unique()) == literal(distance, policy.radius)
    assert distance[rows].sort().values.tolist() == distance.sort().values[-len(rows) :].tolist()


def test_only_touched_rows_are_compared() -> None:
    owner = Owner(TwoCopy(0.1), make_rows(300))
    for step in range(5):
        ids = torch.randperm(300, generator=torch.Generator().manual_seed(step))[:7].sort().values
        owner.take(ids, torch.zeros(7, 5))
    assert (owner.policy.cost.asked, owner.policy.cost.rows_compared, owner.policy.cost.rows_ranked) == (5, 35, 0)


def test_asked_again_it_answers_the_same_whoever_told_it() -> None:
    owner = Owner(TwoCopy(0.1), make_rows(50))
    owner.weight[3:20] += 1
    owner.policy.touched(torch.arange(3, 20))
    first, second = (owner.policy.rows_to_update(1, owner.weight) for _ in range(2))
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    assert torch.equal(first, second)


def test_the_smallest_threshold_moves_whatever_was_touched() -> None:
    owner, other = Owner(TwoCopy(1e-9, exponent=0.0), make_rows(40)), Touched()
    other.updated(0, owner.weight)
    for step in range(1, 6):
        ids = torch.randperm(40, generator=torch.Generator().manual_seed(step))[:30].sort().values
        other.touched(ids)
        rows, wanted = owner.take(ids, make_rows(30, seed=step)), other.rows_to_update(step, owner.weight)
        assert isinstance(rows, Tensor)
        assert isinstance(wanted, Tensor)
        assert torch.equal(rows, wanted)
        other.updated(step, owner.weight, wanted)


def test_once_all_rows_were_updated_the_copy_and_the_radius_are_new() -> None:
    owner = Owner(TwoCopy(0.1, exponent=1.0), make_rows(50))
    owner.take(torch.arange(9), torch.ones(9, 5))
    assert owner.policy.aside is not None
    owner.weight *= 3
    owner.policy.updated(2, owner.weight)
    assert owner.policy.aside is None
    assert owner.policy.radius == pytest.approx(0.1 * float(owner.weight.norm(dim=1).mean()))
    assert owner.policy.rows_to_update(3, owner.weight) is Rows.NONE


def test_rows_of_zero_are_no_distance_from_their_copies() -> None:
    owner = Owner(TwoCopy(0.1, exponent=0.0), torch.zeros(9, 5))
    assert owner.take(torch.arange(9), torch.zeros(9, 5)) is Rows.NONE
    rows = owner.take(torch.tensor([4]), torch.ones(1, 5))
    assert isinstance(rows, Tensor)
    assert rows.tolist() == [4]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_rows_that_are_not_finite_are_refused(value: float) -> None:
    owner = Owner(TwoCopy(0.1), make_rows(9))
    with pytest.raises(ValueError, match="not finite"):
        owner.take(torch.tensor([4]), torch.full((1, 5), value))
    with pytest.raises(ValueError, match="not finite"):
        TwoCopy(0.1).updated(0, torch.full((3, 2), value))


def test_asked_before_there_is_a_copy_it_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="first build"):
        TwoCopy().rows_to_update(1, make_rows(3))
