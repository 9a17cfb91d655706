"""Active sets hold the labels, the best candidates, and know their probabilities."""

import torch

from mongoose.candidates import Candidates
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.ops.rerank import rerank
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.mining import ExactMining, from_matrix
from mongoose.sampling.random import RandomSampler, power_of_frequency, uniform
from mongoose.sampling.slide import SlideSampler
from mongoose.scheduling.always import Always

N, D, B = 300, 16, 12


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data() -> tuple[torch.Tensor, Candidates, torch.Tensor, torch.Tensor]:
    x, weight = torch.randn(B, D, generator=generator(1)), torch.randn(N, D, generator=generator(2))
    labels = from_matrix(torch.randint(N, (B, 3), generator=generator(3)))
    return x, labels, weight, torch.randn(N, generator=generator(4))


def lsh_sampler(*, learned: bool = False) -> LSHSampler:
    family = (LearnedSimHash if learned else SimHash)(D, num_bits=4, num_tables=6, generator=generator(5))
    random = RandomSampler(uniform(N), 20, generator=generator(6), label_rate=torch.full((N,), 0.01))
    mining = ExactMining(generator=generator(8), num_positives=4)
    return LSHSampler(
        LSHIndex(family, Always()), bucket_cap=64, keep=5, random=random, generator=generator(7), mining=mining
    )


def test_reranking_equals_sorting() -> None:
    x, _, weight, bias = data()
    candidates = Candidates.from_pairs(
        torch.randint(B - 1, (90,), generator=generator(8)), torch.randint(N, (90,), generator=generator(9)), B
    )
    kept = Candidates(*rerank(x, weight, bias, candidates.ids, candidates.offsets, 4))
    scores = x @ weight.t() + bias
    for b in range(B):
        own = candidates.ids[candidates.samples == b].tolist()
        best = sorted(own, key=lambda i, b=b: -float(scores[b, i]))[:4]
        assert kept.ids[kept.samples == b].tolist() == sorted(best)


def test_shared_sets_hold_labels_and_kept_candidates_with_certainty() -> None:
    x, labels, weight, bias = data()
    sampler = lsh_sampler()
    sampler.refresh(0, weight, bias)
    active = sampler.sample(x, labels, weight, bias)
    assert bool(active.holds(labels.samples, labels.ids).all())
    candidates = sampler.index.query(x, cap=64, generator=generator())
    kept, _ = rerank(x, weight, bias, candidates.ids, candidates.offsets, 5)
    assert active.log_inclusion is not None
    assert bool((active.log_inclusion[torch.searchsorted(active.ids, kept)] == 0).all())
    assert bool((active.log_inclusion <= 0).all())


def test_mined_positives_score_higher_than_negatives() -> None:
    x, labels, weight, bias = data()
    sampler = lsh_sampler(learned=True)
    sampler.refresh(0, weight, bias)
    sampler.sample(x, labels, weight, bias)
    sampler.mine(weight, bias)
    assert sampler.index._mined is not None
    query, positive, negative, _ = sampler.index._mined
    sample = (query.unsqueeze(1) == x).all(2).float().argmax(1)
    scores = x @ weight.t() + bias
    best = from_matrix(scores.topk(4, dim=1).indices)
    wanted = labels.union(best)
    assert set(zip(sample.tolist(), positive.tolist(), strict=True)) <= set(
        zip(wanted.samples.tolist(), wanted.ids.tolist(), strict=True)
    )
    assert not bool(wanted.contains(sample, negative).any())
    assert bool((scores[sample, negative] < scores.topk(4, dim=1).values[sample, -1]).all())


def test_mining_without_a_fair_negative_leaves_the_hash_functions_alone() -> None:
    x, _, weight, bias = data()
    sampler = lsh_sampler(learned=True)
    sampler.refresh(0, weight[:4], bias[:4])
    everything = from_matrix(torch.arange(4).expand(B, 4))
    sampler.random = RandomSampler(uniform(4), 2, generator=generator())
    sampler.sample(x, everything, weight[:4], bias[:4])
    sampler.refresh(1, weight[:4], bias[:4])
    assert sampler.index.statistics.fits == 0


def test_inclusion_probabilities_are_the_frequencies_seen() -> None:
    probability = power_of_frequency(torch.arange(20), 0.75)
    sampler = RandomSampler(probability, 8, generator=generator(), label_rate=torch.zeros(20))
    empty = Candidates(torch.zeros(0, dtype=torch.int64), torch.zeros(2, dtype=torch.int64))
    seen, rounds, blank = torch.zeros(20), 4000, torch.zeros(1, 1)
    for _ in range(rounds):
        seen[sampler.sample(blank, empty, blank, blank).ids] += 1
    assert sampler.log_inclusion is not None
    expected = sampler.log_inclusion(torch.arange(20), 1).exp()
    sigma = (expected * (1 - expected) / rounds).sqrt()
    assert bool(((seen / rounds - expected).abs() < 4.5 * sigma).all())


def test_power_of_frequency_reaches_labels_without_points() -> None:
    probability = power_of_frequency(torch.tensor([0, 1, 16]), 0.5, floor=0.25)
    torch.testing.assert_close(probability, torch.tensor([0.5, 1, 4], dtype=torch.float64) / 5.5)


def test_slide_gives_every_sample_a_set_of_its_own() -> None:
    x, labels, weight, bias = data()
    family = SimHash(D, num_bits=4, num_tables=6, generator=generator(5))
    sampler = SlideSampler(
        LSHIndex(family, Always(), centre=False), num_active=40, bucket_cap=16, generator=generator(6)
    )
    sampler.refresh(0, weight, bias)
    active = sampler.sample(x, labels, weight, bias)
    assert bool(active.holds(labels.samples, labels.ids).all())
    assert int(active.members.counts.max()) <= 40 + 16 + 3
    assert int(active.members.counts.min()) >= 40 - 5  # random classes may repeat each other or the retrieved
    first, second = (set(active.members.ids[active.members.samples == b].tolist()) for b in (0, 1))
    assert first != second
