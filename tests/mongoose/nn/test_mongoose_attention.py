"""Rotations that learn: what they are taught, when, and that they find more of what attention wants."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.learned_rotations import LearnedRotations
from mongoose.nn.attention import sort_by_bucket
from mongoose.nn.attention_mining import (
    Attended,
    AttentionMining,
    ExactAttentionMining,
    QueryTriplets,
    ReleasedAttentionMining,
)
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.replay import Tape
from mongoose.scheduling.drift import Drift
from mongoose.scheduling.every import Every
from mongoose.scheduling.never import Never

DIM = 8


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def draw(length: int = 40, *, causal: bool = True, rounds: int = 2, existing: int | None = None) -> Attended:
    qk = torch.randn(2, length, DIM, generator=seeded())
    codes = torch.randint(5, (2, length, rounds), generator=seeded(1)).int()
    exists = None if existing is None else (torch.arange(length) < existing).expand(2, length)
    return Attended(qk, sort_by_bucket(codes, 5, exists), 8, causal)


def position(seen: Attended, row: Tensor) -> tuple[int, int]:
    """The head and position whose query this is."""
    head, at = (seen.qk == row).all(2).nonzero()[0].tolist()
    return head, at


def score(seen: Attended, anchor: Tensor, other: Tensor) -> float:
    return float(anchor @ other / other.norm())


def reach(seen: Attended, head: int, at: int, r: int) -> list[int]:
    """Positions of the chunk of `at` and of the one before, in a round; all but itself."""
    order = [p for p in seen.order[head, r].tolist() if p >= 0]
    start = order.index(at) // seen.chunk * seen.chunk
    return [p for p in order[max(0, start - seen.chunk) : start + seen.chunk] if p != at]


@pytest.mark.parametrize("existing", [None, 29, 0])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_released_triplets_are_the_best_and_the_worst_in_reach(
    causal: bool, masked: bool, existing: int | None
) -> None:
    seen, expected = draw(causal=causal, existing=existing), set()
    for head in range(2):
        for r in range(2):
            for at in range(40 if existing is None else existing):
                near = reach(seen, head, at, r)
                met = [p for p in near if p < at] if causal else near
                if met:
                    value = {p: score(seen, seen.qk[head, at], seen.qk[head, p]) for p in near}
                    worst = min(met if masked else near, key=value.__getitem__)
                    expected.add(((head, at), (head, max(met, key=value.__getitem__)), (head, worst)))
    for block in (2, 256):
        triplets = ReleasedAttentionMining(masked=masked, block=block).triplets(seen)
        found = {tuple(position(seen, row) for row in three) for three in zip(*triplets, strict=True)}
        assert found == expected


def test_released_negatives_may_be_what_causality_hides() -> None:
    def hidden(masked: bool) -> bool:
        seen = draw()
        triplets = ReleasedAttentionMining(masked=masked).triplets(seen)
        pairs = zip(triplets.anchor, triplets.negative, strict=True)
        return any(position(seen, negative)[1] > position(seen, anchor)[1] for anchor, negative in pairs)

    assert hidden(masked=False)
    assert not hidden(masked=True)


@pytest.mark.parametrize("existing", [None, 29])
@pytest.mark.parametrize("causal", [False, True])
def test_exact_positives_are_the_largest_scores_of_all_and_negatives_the_least_in_reach(
    causal: bool, existing: int | None
) -> None:
    seen, mining, missed = draw(causal=causal, rounds=1, existing=existing), ExactAttentionMining(generator=seeded()), 0
    triplets = mining.triplets(seen)
    assert 20 < len(triplets.anchor) <= 64
    for anchor, positive, negative in zip(*triplets, strict=True):
        (head, at), best, worst = (position(seen, row) for row in (anchor, positive, negative))
        value = {p: score(seen, anchor, seen.qk[head, p]) for p in range(existing or 40) if p != at}
        allowed = [p for p in value if p < at] if causal else list(value)
        near = [p for p in reach(seen, head, at, 0) if p in allowed]
        assert best == (head, max(allowed, key=value.__getitem__))
        assert worst == (head, min(near, key=value.__getitem__))
        missed += best[1] not in near
    assert missed
    assert mining.products == 2 * 32 * (existing or 40)


def test_nothing_is_learned_from_nothing() -> None:
    for mining in (ExactAttentionMining(generator=seeded()), ReleasedAttentionMining()):
        triplets = mining.triplets(draw(existing=0))
        assert not len(triplets.anchor)
        family = LearnedRotations(DIM, num_bits=3, num_tables=1, generator=seeded())
        before = family.rotations.detach().clone()
        family.fit(*triplets)
        assert torch.equal(before, family.rotations)


def planted(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors and positives agree in 3 of 32 coordinates; the others are noise that random rotations cannot ignore."""
    signal, noise = torch.randn(count, 3, generator=seeded(1)), torch.randn(2, count, 29, generator=seeded(2))
    anchor, positive = (torch.cat([signal, one], 1) for one in noise)
    return anchor, positive, positive.roll(1, 0)


def collisions(family: LearnedRotations) -> tuple[float, float]:
    """Shares of anchors that meet their positive, and their negative, in a table."""
    anchor, positive, negative = (family.codes(rows) for rows in planted(2000))
    return float((anchor == positive).float().mean()), float((anchor == negative).float().mean())


def test_learned_rotations_find_more_positives_for_the_same_negatives() -> None:
    family = LearnedRotations(32, num_bits=4, num_tables=4, generator=seeded(3), lr=2e-2, steps=100)
    before = collisions(family)
    family.fit(*planted(500))
    after = collisions(family)
    assert after[0] / after[1] > 2 * before[0] / before[1]
    assert family.pairs_seen == 100 * 500


def test_spare_columns_make_the_hash_random_again() -> None:
    x = torch.randn(100, DIM, generator=seeded())
    spare, plain = (LearnedRotations(DIM, num_bits=3, num_tables=2, generator=seeded(), spare=s) for s in (True, False))
    assert spare.rotations.shape[1] == 2 * plain.rotations.shape[1]
    assert not torch.equal(spare.codes(x), spare.codes(x))
    assert torch.equal(plain.codes(x), plain.codes(x))
    assert int(spare.codes(x).max()) < 8


class Counted(AttentionMining):
    """A miner that finds the same triplets each time, and counts the times."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def triplets(self, seen: Attended) -> QueryTriplets:
        self.calls += 1
        self.products += 7
        flat = seen.qk.flatten(0, 1)
        return QueryTriplets(flat, flat.roll(1, 0), flat.roll(2, 0))


def layer(policy: Every | Never | Drift, mining: AttentionMining) -> MongooseAttention:
    settings = {"heads": 2, "generator": seeded(), "hash_generator": seeded(1), "num_bits": 3, "chunk": 8, "rounds": 2}
    return MongooseAttention(16, policy=policy, mining=mining, **settings)


def test_it_learns_in_the_pass_after_the_policy_said_so_and_at_no_other_time() -> None:
    mining = Counted()
    attention, x, learned = layer(Every(2), mining), torch.randn(1, 40, 16, generator=seeded()), []
    for step in range(1, 6):
        before = attention.family.rotations.detach().clone()  # type: ignore[union-attr, operator]
        attention(x)
        learned.append(not torch.equal(before, attention.family.rotations))  # type: ignore[union-attr, arg-type]
        attention.refresh(step)
    assert learned == [False, False, True, False, True]
    assert (attention.cost.fits, attention.cost.triplets, attention.cost.products) == (2, 160, 14)
    attention.refresh(6)
    attention.eval()(x)
    assert mining.calls == 2


def test_a_recomputation_neither_learns_nor_sees_other_buckets() -> None:
    mining, tape = Counted(), Tape()
    attention, x = layer(Every(1), mining), torch.randn(1, 40, 16, generator=seeded())
    attention.refresh(1)
    with tape.recording():
        first = attention(x)
    with tape.replaying():
        assert torch.equal(attention(x), first)
    assert mining.calls == 1


def test_the_loss_of_the_network_does_not_reach_the_rotations_nor_theirs_the_network() -> None:
    attention, x = layer(Every(1), ReleasedAttentionMining()), torch.randn(1, 40, 16, generator=seeded())
    attention.refresh(1)
    attention(x).square().sum().backward()
    assert attention.family.rotations.grad is None  # type: ignore[union-attr]
    first = [p.grad for p in (attention.to_qk.weight, attention.to_v.weight)]
    other = layer(Never(), Counted())
    other(x).square().sum().backward()
    for ours, theirs in zip(first, (other.to_qk.weight.grad, other.to_v.weight.grad), strict=True):
        assert torch.equal(ours, theirs)  # type: ignore[arg-type]


def released_drift() -> tuple[MongooseAttention, MongooseAttention]:
    common = {"heads": 2, "generator": seeded(), "hash_generator": seeded(1), "num_bits": 3, "chunk": 8}
    return MongooseAttention.released(64, **common), MongooseAttention.by_drift(64, threshold=0.1, **common)


def test_packed_integers_fire_at_a_step_of_which_bits_take_no_notice() -> None:
    for attention, fires in zip(released_drift(), (True, False), strict=True):
        with torch.no_grad():
            attention.to_qk.weight += 1e-3 * torch.randn(64, 64, generator=seeded(5)).sign()
        attention.refresh(1)
        attention(torch.randn(1, 40, 64, generator=seeded()))
        assert (attention.cost.fits == 1) == fires
        assert attention.policy.cost.asked == 1
