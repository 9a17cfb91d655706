"""What is mined, against brute force on batches small enough to look through."""

import pytest
import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.sampling.mining import ExactMining, Mining, ReleasedMining, Seen, StepMining, Triplets, from_matrix

N, D, B = 60, 6, 40
Pair = tuple[int, int]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch() -> tuple[Seen, Candidates, Tensor, Tensor]:
    """Queries, what was retrieved for them, rows and biases; the first query found nothing."""
    x, weight = torch.randn(B, D, generator=generator(1)), torch.randn(N, D, generator=generator(2))
    bias = torch.randn(N, generator=generator(3))
    labels = from_matrix(torch.randint(N, (B, 2), generator=generator(4)))
    found = torch.rand(B, N, generator=generator(5)) < 0.3
    found[0] = False
    active = torch.cat([labels.ids, torch.randperm(N, generator=generator(6))[:15]]).unique()
    return Seen(x, labels, active), Candidates.from_pairs(found.nonzero()[:, 0], found.nonzero()[:, 1], B), weight, bias


def pairs(x: Tensor, queries: Tensor, ids: Tensor) -> list[Pair]:
    """(query, row) of rows of the queries x and row ids."""
    query = (queries.unsqueeze(1) == x).all(2).float().argmax(1)
    return list(zip(query.tolist(), ids.tolist(), strict=True))


def held(candidates: Candidates) -> set[Pair]:
    return set(zip(candidates.samples.tolist(), candidates.ids.tolist(), strict=True))


def mined(mining: Mining) -> tuple[Triplets, Tensor]:
    seen, retrieved, weight, bias = batch()
    return mining.triplets(seen, retrieved, weight, bias), seen.x @ weight.t() + bias


def best_of(scores: Tensor, ids: list[int], count: int) -> dict[int, list[int]]:
    """The `count` ids of the largest scores of each query, best first."""
    return {b: sorted(ids, key=lambda i: -float(row[i]))[:count] for b, row in enumerate(scores)}


@pytest.mark.parametrize("kind", [ExactMining, StepMining])
@pytest.mark.parametrize("hard", [0.0, 1.0])
def test_positives_are_labels_and_the_best_and_negatives_score_less(kind: type[ExactMining], hard: float) -> None:
    seen, retrieved, *_ = batch()
    triplets, scores = mined(kind(generator=generator(), num_positives=3, repeats=8, hard=hard))
    among = list(range(N)) if kind is ExactMining else seen.active.tolist()
    best = best_of(scores, among, 3)
    positives = held(seen.labels) | {(b, i) for b, ids in best.items() for i in ids}
    assert set(pairs(seen.x, triplets.x, triplets.positive)) == positives
    negatives = pairs(seen.x, triplets.x, triplets.negative)
    assert not set(negatives) & positives
    assert all(scores[b, i] < scores[b, best[b][-1]] for b, i in negatives)
    assert triplets.other is None
    from_tables = [b for b, i in negatives if (b, i) in held(retrieved)]
    found_something = [b for b, _ in negatives if b != 0]
    assert 0 in dict(negatives)  # without anything retrieved, any row will do
    if hard == 1:
        assert from_tables == found_something
    else:
        assert len(from_tables) < 0.5 * len(found_something)


def test_the_share_of_hard_negatives_is_what_was_asked_for() -> None:
    """Of negatives drawn before unfair ones are left out: 0.4 ± 4.5 sigma of them retrieved, and of the others 0.3."""
    _, retrieved, *_ = batch()
    sample = torch.arange(1, B).repeat(200)
    drawn = ExactMining(generator=generator(), hard=0.4)._negatives(sample, retrieved, N)
    share = float(retrieved.counts[1:].sum()) / (N * (B - 1))
    expected = 0.4 + 0.6 * share
    sigma = (expected * (1 - expected) / len(sample)) ** 0.5
    assert abs(float(retrieved.contains(sample, drawn).float().mean()) - expected) < 4.5 * sigma


def test_the_step_need_not_know_the_other_rows() -> None:
    """Rows outside the active set may hold anything: positives are the same."""
    seen, _, weight, bias = batch()
    outside = torch.ones(N, dtype=torch.bool).index_fill(0, seen.active, False)
    changed = weight.clone()
    changed[outside] = 100.0
    mine = [StepMining(generator=generator(), hard=0.0).best(seen, rows, bias) for rows in (weight, changed)]
    assert torch.equal(*mine)


def test_released_mining_finds_misses_and_false_alarms() -> None:
    """top = 0.1 and middle = 0.5 of 60 rows: products above the 6 largest, below the 30 largest, means over queries."""
    seen, retrieved, weight, _ = batch()
    triplets, _ = mined(ReleasedMining(generator=generator(), top=0.1, middle=0.5))
    product = seen.x @ weight.t()
    ordered = product.sort(dim=1, descending=True).values
    large, small = float(ordered[:, 6].mean()), float(ordered[:, 30].mean())
    every = {(b, i) for b in range(B) for i in range(N)}
    misses = {(b, i) for b, i in every - held(retrieved) if product[b, i] > large}
    alarms = {(b, i) for b, i in held(retrieved) if product[b, i] < small}
    assert triplets.other is not None
    positives = pairs(seen.x, triplets.x, triplets.positive)
    negatives = pairs(seen.x, triplets.other, triplets.negative)
    assert len(positives) == len(negatives) == min(len(misses), len(alarms)) > 20
    assert len(set(positives)) == len(positives)
    assert len(set(negatives)) == len(negatives)
    assert set(positives) == misses or set(negatives) == alarms
    assert set(positives) <= misses
    assert set(negatives) <= alarms


def test_released_mining_draws_from_the_larger_set() -> None:
    """Another generator, other pairs of it; the smaller set is taken whole."""
    drawn = []
    for seed in (0, 1):
        triplets, _ = mined(ReleasedMining(generator=generator(seed), top=0.1, middle=0.5))
        x = batch()[0].x
        assert triplets.other is not None
        drawn.append((set(pairs(x, triplets.x, triplets.positive)), set(pairs(x, triplets.other, triplets.negative))))
    same = [first == second for first, second in zip(*drawn, strict=True)]
    assert sorted(same) == [False, True]


def test_a_product_below_zero_is_no_miss() -> None:
    seen, retrieved, weight, bias = batch()
    seen = seen._replace(x=seen.x.abs())
    triplets = ReleasedMining(generator=generator(), top=0.9).triplets(seen, retrieved, -weight.abs(), bias)
    assert len(triplets.positive) == 0
