"""The probabilities with which classes enter active sets, against how often they do."""

import pytest
import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.inclusion import Assumed, ByChance, Collision, Counted, log_inclusion, retrieval_law
from mongoose.index import LSHIndex
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.random import RandomSampler, power_of_frequency
from mongoose.scheduling.always import Always

N, D, K, L = 24, 6, 2, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data(num_queries: int = 1) -> tuple[Tensor, Tensor]:
    return torch.randn(num_queries, D, generator=generator(1)), torch.randn(N, D, generator=generator(2))


def index_of(draws: int = 1, *, centre: bool, source: torch.Generator | None = None) -> LSHIndex:
    family = SimHash(D, num_bits=K, num_tables=L * draws, generator=source or generator(3))
    return LSHIndex(family, Always(), centre=centre)


def far(found: Tensor, expected: Tensor, rounds: int, sigmas: float = 4.0) -> Tensor:
    """Where a frequency over so many rounds is not the probability it should be."""
    sigma = (expected * (1 - expected) / rounds).sqrt()
    return (found - expected).abs() > sigmas * sigma


@pytest.mark.parametrize("centre", [False, True])
def test_the_collision_law_is_how_often_tables_collide(centre: bool) -> None:
    """20,000 draws of L tables, as many tables of one family: they are independent."""
    (x, weight), draws = data(), 20_000
    many = index_of(draws, centre=centre)
    one = LSHIndex(SimHash(D, num_bits=K, num_tables=L, generator=generator()), Always(), centre=centre)
    for index in (many, one):
        index.query_mean, index.row_mean = torch.full((D,), 0.3), torch.full((D,), -0.2)
    rows = many.family.codes(weight, many.row_mean if centre else None)
    found = (rows == many.query_codes(x)).view(N, draws, L).any(2).double().mean(1)
    expected = -torch.expm1(Collision(one).log_missed(torch.arange(N), torch.arange(0), x, weight))
    assert not bool(far(found, expected, draws).any())
    assert float(expected.max() - expected.min()) > 0.5


def test_queries_with_tables_of_their_own_miss_independently() -> None:
    x, weight = data(num_queries=3)
    law, ids = Collision(index_of(centre=False)), torch.arange(N)
    separate = [law.log_missed(ids, ids, query.unsqueeze(0), weight) for query in x]
    torch.testing.assert_close(law.log_missed(ids, ids, x, weight), sum(separate, torch.zeros(N).double()))


def test_draws_labels_and_collisions_together_are_how_often_a_class_is_in() -> None:
    """400 rounds of new tables, a new label and new draws, with one query and all that the tables hold."""
    (x, weight), rounds = data(), 400
    rate = torch.arange(N).double() / (N * (N - 1) / 2)
    random = RandomSampler(power_of_frequency(torch.arange(N)), 3, generator=generator(4), label_rate=rate)
    planes, labels_of, seen, blank = generator(5), generator(6), torch.zeros(N).double(), torch.zeros(N)
    for _ in range(rounds):
        sampler = LSHSampler(
            index_of(centre=False, source=planes),
            bucket_cap=None,
            keep=None,
            random=random,
            generator=generator(),
            retrieved_probability="collision",
        )
        sampler.refresh(0, weight, blank)
        label = torch.multinomial(rate, 1, generator=labels_of)
        seen[sampler.sample(x, Candidates(label, torch.tensor([0, 1])), weight, blank).ids] += 1
    assert random.chance is not None
    missed = random.chance.log_missed(torch.arange(N), 1) + sampler.law.log_missed(torch.arange(N), label, x, weight)
    assert not bool(far(seen / rounds, -torch.expm1(missed), rounds).any())


def test_active_sets_carry_the_law_they_were_asked_for() -> None:
    (x, weight), blank = data(), torch.zeros(N)
    rate = torch.full((N,), 1 / N, dtype=torch.float64)
    label = Candidates(torch.tensor([5]), torch.tensor([0, 1]))
    found = {}
    for name in ("certain", "collision", "counted"):
        random = RandomSampler(rate, 3, generator=generator(4), label_rate=rate)
        sampler = LSHSampler(
            index_of(centre=False),
            bucket_cap=None,
            keep=None,
            random=random,
            generator=generator(),
            retrieved_probability=name,
        )
        sampler.refresh(0, weight, blank)
        active = sampler.sample(x, label, weight, blank)
        retrieved = torch.isin(active.ids, sampler.index.query(x).ids)
        assert active.log_inclusion is not None
        found[name] = active.log_inclusion
        chance = ByChance(rate, 3, rate).log_inclusion(active.ids, 1)
        if name != "collision":
            torch.testing.assert_close(active.log_inclusion, torch.where(retrieved, 0.0, chance))
    assert bool((found["collision"] <= 0).all())
    assert bool((found["collision"] > chance).all())  # it could have been retrieved, too
    assert bool((found["collision"][retrieved] < 0).all())


def test_counted_is_an_exponential_mean() -> None:
    law, draws, momentum = Counted(0.8), generator(7), 0.8
    mean, weight, ids = torch.zeros(N, dtype=torch.float64), torch.zeros(N, D), torch.arange(N)
    share = torch.linspace(0, 1, N)
    for step in range(1, 40):
        retrieved = (torch.rand(N, generator=draws) < share).nonzero().flatten()
        found = law.log_missed(ids, retrieved.repeat(2), weight, weight)
        mean = momentum * mean
        mean[retrieved] += 1 - momentum
        torch.testing.assert_close(-torch.expm1(found), mean / (1 - momentum**step))
    assert float(found[-1]) < -30  # always retrieved
    assert float(found[0]) == 0  # never


def test_a_family_without_a_law_and_an_unknown_name_are_refused() -> None:
    learned = LSHIndex(LearnedSimHash(D, num_bits=K, num_tables=L, generator=generator()), Always())
    with pytest.raises(ValueError, match="LearnedSimHash"):
        retrieval_law("collision", learned)
    assert isinstance(retrieval_law("counted", learned), Counted)
    assert retrieval_law("certain", learned) is None
    with pytest.raises(ValueError, match="accepted: 'certain'"):
        retrieval_law("sure", learned)  # type: ignore[arg-type]


def test_an_assumed_probability_is_that_of_what_was_retrieved() -> None:
    """Chance and retrieval are independent ways in; a class that was not retrieved is as without retrieval."""
    ids, retrieved = torch.tensor([1, 4, 6, 9]), torch.tensor([6, 1, 6])
    missed = Assumed(0.2).log_missed(ids, retrieved, torch.empty(0), torch.empty(0))
    assert missed.exp().tolist() == pytest.approx([0.8, 1.0, 0.8, 1.0])
    each = Assumed(torch.arange(1, 11) / 10).log_missed(ids, retrieved, torch.empty(0), torch.empty(0))
    assert each.exp().tolist() == pytest.approx([0.8, 1.0, 0.3, 1.0])
    assert log_inclusion(Assumed(1.0).log_missed(ids, retrieved, torch.empty(0), torch.empty(0)))[0] == 0.0


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.5])
def test_an_assumed_probability_outside_of_its_range_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        Assumed(probability)
