"""An index under each update policy: what its tables then promise, what is scanned aside, what the rows become."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.dwta import DWTA
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.linear import SampledLinear
from mongoose.ops.shortlist import describe_rows
from mongoose.optim import RowAdam
from mongoose.sampling.base import PerSampleActiveSet, SharedActiveSet
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.mining import from_matrix
from mongoose.sampling.random import RandomSampler, uniform
from mongoose.sampling.slide import SlideSampler, Vanilla
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.scheduling.margin import Margin
from mongoose.scheduling.never import Never
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.touched import Touched
from mongoose.scheduling.two_copy import TwoCopy

N, D = 400, 12


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_weight() -> Tensor:
    return torch.randn(N, D, generator=generator()) + 1


def make_index(policy: UpdatePolicy, family: type = SimHash, centre: bool = True, **options: object) -> LSHIndex:
    return LSHIndex(family(D, num_bits=6, num_tables=4, generator=generator(1)), policy, centre=centre, **options)


def walk(index: LSHIndex, weight: Tensor, steps: int = 25, length: float = 0.05, check: object = None) -> None:
    """Build, and then steps of 30 rows each, which the policy is told."""
    index.refresh(0, weight, index.due(0, weight))
    for step in range(1, steps + 1):
        ids = torch.randperm(N, generator=generator(step))[:30].sort().values
        weight[ids] += length * torch.randn(30, D, generator=generator(100 + step))
        index.policy.touched(ids)
        index.refresh(step, weight, index.due(step, weight))
        if callable(check):
            check(step)


def fresh_codes(index: LSHIndex, weight: Tensor) -> Tensor:
    return index.family.codes(weight, index.row_mean if index.centre else None)


NEVER_STALE = {
    "always": Always,
    "touched": Touched,
    "oracle": Oracle,
    "margin": Margin,
    "touched, all at times": partial(Touched, full_every=7),
    "margin, all at times": partial(Margin, full_every=7),
    "two copies, smallest threshold": partial(TwoCopy, 1e-9, exponent=0.0),
}


@pytest.mark.parametrize("name", NEVER_STALE)
@pytest.mark.parametrize(("centre", "family"), [(False, SimHash), (True, HadamardSimHash)])
def test_tables_equal_brute_force_after_every_step(name: str, centre: bool, family: type) -> None:
    weight, index = make_weight(), make_index(NEVER_STALE[name](), family, centre)
    queries = index.family.codes(torch.randn(5, D, generator=generator(7)))

    def check(step: int) -> None:
        codes = fresh_codes(index, weight)
        assert torch.equal(index.tables.codes, codes)
        sample, ids = (codes == queries[:, None]).any(2).nonzero(as_tuple=True)
        found = index.tables.query(queries)
        assert torch.equal(found.ids, ids)
        assert torch.equal(found.samples, sample)

    walk(index, weight, steps=15, check=check)
    assert index.statistics.rows_moved > N + 60


def test_the_oracle_hashes_only_what_moves_and_no_sound_policy_hashes_less() -> None:
    hashed, moved = {}, {}
    for name, policy in {"oracle": Oracle(), "margin": Margin(), "touched": Touched()}.items():
        index = make_index(policy)
        walk(index, make_weight(), length=0.005)
        hashed[name], moved[name] = index.statistics.rows_hashed, index.statistics.rows_moved
    assert hashed["oracle"] == moved["oracle"] == moved["margin"] == moved["touched"]
    assert hashed["oracle"] < hashed["margin"] < hashed["touched"] == N + 25 * 30


def test_what_margin_does_not_name_is_not_stale() -> None:
    """With a share of 5 %, up to 20 rows may be stale; all of these are among those it knows of."""
    policy = Margin(share=0.05)
    weight, index = make_weight(), make_index(policy)
    seen = []

    def check(step: int) -> None:
        stale = (index.tables.codes != fresh_codes(index, weight)).any(1)
        assert not bool((stale & ~policy._may_differ).any())
        seen.append(int(stale.sum()))

    walk(index, weight, length=0.01, check=check)
    assert 0 < max(seen) <= 20
    assert index.statistics.updates > 2


def test_two_copies_leave_the_tables_stale_only_for_rows_near_their_copy_or_aside() -> None:
    policy = TwoCopy(0.05, exponent=0.6)
    weight, index = make_weight(), make_index(policy)
    held, sizes = weight.clone(), []

    def check(step: int) -> None:
        current = (index.tables.codes == fresh_codes(index, weight)).all(1)
        near = (weight - held).norm(dim=1) < policy.radius
        aside = torch.zeros(N, dtype=torch.bool)
        if policy.aside is not None:
            aside[policy.aside] = True
        assert bool((near | aside).all())
        sizes.append((int(aside.sum()), int((~current).sum())))

    updated = policy.updated

    def spy(step: int, rows_now: Tensor, rows: Rows | Tensor = Rows.ALL) -> None:
        at = slice(None) if isinstance(rows, Rows) else rows
        held[at] = weight[at]
        updated(step, rows_now, rows)

    policy.updated = spy  # type: ignore[method-assign]
    walk(index, weight, steps=60, check=check)
    assert max(aside for aside, _ in sizes) > 5
    assert max(stale for _, stale in sizes) > 5
    assert 2 < index.statistics.updates < 60


class Aside(Never):
    """Never updates; keeps these rows aside."""

    def __init__(self, ids: list[int]) -> None:
        self.aside = torch.tensor(ids)


def built(policy: UpdatePolicy, **options: object) -> tuple[LSHIndex, Tensor, Tensor, Tensor]:
    """An index of rows of which the first fifty have since become others."""
    weight, x, bias = make_weight(), torch.randn(9, D, generator=generator(3)), torch.randn(N, generator=generator(4))
    index = make_index(policy, **options)
    index.refresh(0, weight, Rows.ALL)
    weight[:50] = 3 * torch.randn(50, D, generator=generator(5))
    return index, x, weight, bias


def as_lists(found: Candidates) -> list[list[int]]:
    return [found.ids[found.samples == b].tolist() for b in range(len(found))]


def test_every_query_finds_what_is_aside_once() -> None:
    aside = list(range(0, N, 10))
    index, x, *_ = built(Aside(aside))
    plain = as_lists(index.tables.query(index.query_codes(x)))
    assert any(set(found) & set(aside) for found in plain)
    assert as_lists(index.query(x)) == [sorted({*found, *aside}) for found in plain]


@pytest.mark.parametrize("keep", [3, 8])
@pytest.mark.parametrize("aside", [[4], list(range(50))])
def test_the_best_are_those_of_tables_and_aside_together(keep: int, aside: list[int]) -> None:
    index, x, weight, bias = built(Aside(aside))
    scores = x @ weight.t() + bias
    plain = as_lists(index.tables.query(index.query_codes(x)))
    wanted = [sorted(sorted({*plain[b], *aside}, key=lambda i: -float(scores[b, i]))[:keep]) for b in range(9)]
    assert as_lists(index.retrieve(x, weight, bias, keep=keep)) == wanted
    assert wanted != [sorted(sorted(plain[b], key=lambda i: -float(scores[b, i]))[:keep]) for b in range(9)]


def test_rows_aside_are_scored_exactly_though_others_are_estimated() -> None:
    """The digests of the rows aside are those of rows that are no more."""
    aside = list(range(50))
    index, x, weight, bias = built(Aside(aside), shortlist=10)
    found = as_lists(index.retrieve(x, weight, bias, keep=5))
    scores = x @ weight.t() + bias
    for b, ids in enumerate(found):
        worst = min(float(scores[b, i]) for i in ids)
        better = {i for i in aside if float(scores[b, i]) > worst}
        assert better <= set(ids)


def test_with_nothing_aside_what_the_tables_found_is_passed_on_as_it_is() -> None:
    index, x, *_ = built(Never())
    found = index.tables.query(index.query_codes(x))
    assert index.with_aside(found) is found


def test_slide_scans_what_is_aside_too() -> None:
    index, x, weight, bias = built(Aside([0, 3]))
    sampler = SlideSampler(index, strategy=Vanilla(10), fill=10, bucket_cap=4, generator=generator())
    labels = from_matrix(torch.full((9, 1), 300))
    active = sampler.sample(x, labels, weight, bias)
    assert bool(active.holds(torch.arange(9)[:, None], torch.tensor([[0, 3]]).expand(9, 2)).all())


def test_margin_refuses_a_family_without_planes() -> None:
    index = make_index(Margin(), DWTA)
    with pytest.raises(ValueError, match="DWTA has no hyperplanes"):
        index.refresh(0, make_weight(), Rows.ALL)


@pytest.mark.parametrize("make", [Touched, Oracle, Margin, partial(TwoCopy, 0.1)])
def test_once_the_hash_functions_are_fitted_every_row_is_hashed_and_nothing_is_aside(
    make: Callable[[], UpdatePolicy],
) -> None:
    """A fit moves all rows, whatever was due; later updates are of the new functions."""
    family = LearnedSimHash(D, num_bits=6, num_tables=4, generator=generator(1), first_steps=3)
    weight, index = make_weight(), LSHIndex(family, make())
    walk(index, weight, steps=3)
    index.learn_from(weight[:50], torch.arange(50), torch.arange(50, 100))
    weight[5] += 2
    index.policy.touched(torch.tensor([5]))
    index.refresh(4, weight, torch.tensor([5]))
    assert torch.equal(index.tables.codes, fresh_codes(index, weight))
    assert index.policy.aside is None
    index.policy.touched(torch.empty(0, dtype=torch.int64))
    assert index.due(5, weight) is Rows.NONE
    weight[7] = -weight[7]
    index.policy.touched(torch.tensor([7]))
    index.refresh(6, weight, index.due(6, weight))
    stale = (index.tables.codes != fresh_codes(index, weight)).any(1).nonzero().flatten().tolist()
    assert stale == ([7] if index.policy.aside is not None else [])


def test_a_list_of_rows_builds_all_if_there_are_no_tables() -> None:
    weight, index = make_weight(), make_index(Never())
    index.refresh(0, weight, torch.tensor([3, 5]))
    assert torch.equal(index.tables.codes, fresh_codes(index, weight))


class WithBias:
    """Rows and biases side by side over the largest norm; notes what it was asked."""

    def __init__(self) -> None:
        self.fits, self.asked = 0, 0

    def fit(self, weight: Tensor, bias: Tensor) -> None:
        self.fits += 1
        self.scale = float(torch.cat([weight, bias[:, None]], dim=1).norm(dim=1).max())

    def rows(self, weight: Tensor, bias: Tensor) -> Tensor:
        self.asked += len(weight)
        return torch.cat([weight, bias[:, None]], dim=1) / self.scale

    def queries(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1)


def transformed(policy: UpdatePolicy, **options: object) -> tuple[LSHIndex, WithBias]:
    family, transform = SimHash(D + 1, num_bits=5, num_tables=4, generator=generator(1)), WithBias()
    return LSHIndex(family, policy, transform=transform, **options), transform


@pytest.mark.parametrize("centre", [False, True])
def test_rows_and_queries_are_hashed_as_they_were_transformed(centre: bool) -> None:
    weight, bias, x = make_weight(), torch.randn(N, generator=generator(2)), torch.randn(9, D, generator=generator(3))
    index, transform = transformed(Never(), centre=centre)
    index.observe(x)
    index.refresh(0, weight, Rows.ALL, bias)
    rows, queries = transform.rows(weight, bias), transform.queries(x)
    means = (rows.mean(0), queries.mean(0)) if centre else (None, None)
    codes = index.family.codes(rows, means[0])
    assert torch.equal(index.tables.codes, codes)
    assert torch.equal(index.query_codes(x), index.family.codes(queries, means[1]))
    scores = x @ weight.t() + bias
    plain = [(codes == query).any(1).nonzero().flatten().tolist() for query in index.query_codes(x)]
    wanted = [sorted(sorted(plain[b], key=lambda i: -float(scores[b, i]))[:4]) for b in range(9)]
    assert as_lists(index.retrieve(x, weight, bias, keep=4)) == wanted


@pytest.mark.parametrize("make", [Touched, Oracle, Margin, partial(TwoCopy, 1e-9, exponent=0.0)])
def test_a_policy_sees_the_transformed_rows_and_only_those_that_it_asks_for(make: Callable[[], UpdatePolicy]) -> None:
    """Of a row whose bias alone changed the code changes; between fits a step costs what it touched."""
    weight, bias = make_weight(), torch.zeros(N)
    index, transform = transformed(make())
    index.refresh(0, weight, Rows.ALL, bias)
    transform.asked = 0
    bias[[5, 9]] = torch.tensor([30.0, -30.0])
    index.policy.touched(torch.tensor([5, 9]))
    index.refresh(1, weight, index.due(1, weight, bias), bias)
    assert index.statistics.rows_moved == N + 2
    assert transform.asked <= 2 * 4
    assert transform.fits == 1
    assert torch.equal(index.tables.codes, fresh_codes(index, transform.rows(weight, bias)))
    index.refresh(2, weight, Rows.ALL, bias)
    assert transform.fits == 2


def test_scores_are_estimated_of_rows_and_queries_as_they_were_transformed() -> None:
    weight, bias = make_weight(), torch.randn(N, generator=generator(2))
    x = make_weight()[:64] * torch.linspace(0.1, 10, 64)[:, None]
    index, transform = transformed(Never(), shortlist=10)
    index.observe(x)
    index.refresh(0, weight, Rows.ALL, bias)
    rows, queries = transform.rows(weight, bias), transform.queries(x)
    centre, mean = rows.mean(0), queries.mean(0)
    wanted = index.tables.retrieve(
        *(x, weight, bias, index.family.codes(queries, mean)),
        keep=8,
        shortlist=10,
        digests=describe_rows(rows, index.family.codes(rows, centre), 5, centre, mean),
        radius=(queries - mean).norm(dim=1),
    )
    assert torch.equal(index.retrieve(x, weight, bias, keep=8).ids, wanted.ids)


def test_transformed_rows_need_their_biases() -> None:
    index, _ = transformed(Never())
    with pytest.raises(ValueError, match="pass bias"):
        index.refresh(0, make_weight(), Rows.ALL)


class Told(Touched):
    """Notes what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Tensor] = []

    def touched(self, rows: Tensor) -> None:
        self.rows.append(rows)
        super().touched(rows)


@pytest.mark.parametrize("kind", ["shared", "per sample"])
def test_a_policy_is_told_exactly_the_rows_that_a_training_step_changed(kind: str) -> None:
    policy = Told()
    index = make_index(policy)
    random = RandomSampler(uniform(N), 20, generator=generator(6))
    samplers = {
        "shared": LSHSampler(index, bucket_cap=9, keep=3, random=random, generator=generator(7)),
        "per sample": SlideSampler(index, strategy=Vanilla(15), fill=15, bucket_cap=9, generator=generator(7)),
    }
    layer = SampledLinear(D, N, sampler=samplers[kind])
    layer.initialise(generator(8))
    optimizer = RowAdam(layer.parameters(), lr=0.1)
    layer.refresh(0)
    assert policy.rows == []
    for step in range(1, 4):
        before = layer.weight.detach().clone()
        labels = from_matrix(torch.randint(N, (6, 2), generator=generator(step)))
        optimizer.zero_grad()
        layer.loss(torch.randn(6, D, generator=generator(50 + step)), labels).backward()
        optimizer.step()
        layer.refresh(step)
        assert (layer.weight.detach() != before).any(1).nonzero().flatten().tolist() == policy.rows[-1].tolist()
        assert torch.equal(index.tables.codes, fresh_codes(index, layer.weight.detach()))
    assert isinstance(layer.active, SharedActiveSet if kind == "shared" else PerSampleActiveSet)


def test_who_does_not_want_to_know_what_was_touched_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    index = make_index(Always())
    sampler = SlideSampler(index, strategy=Vanilla(15), fill=15, bucket_cap=9, generator=generator(7))
    active = PerSampleActiveSet(from_matrix(torch.tensor([[3, 1], [3, 2]])))
    assert active.rows.tolist() == [1, 2, 3]
    monkeypatch.setattr(PerSampleActiveSet, "rows", property(lambda _: pytest.fail("sorted ids for nobody")))
    sampler.touched(active)


def test_hash_functions_learn_when_all_rows_are_due_and_not_otherwise() -> None:
    family = LearnedSimHash(D, num_bits=6, num_tables=4, generator=generator(1), first_steps=3, steps=3)
    index = LSHIndex(family, Touched(full_every=2))
    random = RandomSampler(uniform(N), 20, generator=generator(6))
    sampler = LSHSampler(index, bucket_cap=9, keep=3, random=random, generator=generator(7))
    weight, bias, x = make_weight(), torch.zeros(N), torch.randn(6, D, generator=generator(3))
    fits = []
    for step in range(5):
        sampler.refresh(step, weight, bias)
        sampler.touched(sampler.sample(x, from_matrix(torch.arange(6)[:, None]), weight, bias))
        fits.append(index.statistics.fits)
    assert fits == [0, 0, 1, 1, 2]
