"""Active sets hold the labels, the best candidates, and know their probabilities."""

import pytest
import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.inclusion import Assumed
from mongoose.index import LSHIndex
from mongoose.ops.rerank import rerank
from mongoose.ops.softmax import softmax_cross_entropy
from mongoose.sampling.in_batch import InBatchSampler
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.mining import ExactMining, from_matrix
from mongoose.sampling.pool import PoolSampler
from mongoose.sampling.random import Correction, RandomSampler, log_uniform, power_of_frequency, uniform
from mongoose.sampling.slide import HardThreshold, SlideSampler, Strategy, TopK, Union, Vanilla
from mongoose.scheduling.always import Always
from mongoose.tables import HashTables

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
    assert sampler.chance is not None
    expected = sampler.chance.log_inclusion(torch.arange(20), 1).exp()
    sigma = (expected * (1 - expected) / rounds).sqrt()
    assert bool(((seen / rounds - expected).abs() < 4.5 * sigma).all())


def test_power_of_frequency_reaches_labels_without_points() -> None:
    probability = power_of_frequency(torch.tensor([0, 1, 16]), 0.5, floor=0.25)
    torch.testing.assert_close(probability, torch.tensor([0.5, 1, 4], dtype=torch.float64) / 5.5)


def test_log_uniform_follows_the_ranks_of_the_counts() -> None:
    probability = log_uniform(torch.tensor([5, 9, 5, 0]))
    assert probability.argsort(descending=True).tolist() == [1, 0, 2, 3]
    torch.testing.assert_close(probability.sum(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(
        float(probability[2]), float(torch.log(torch.tensor(4 / 3)) / torch.log(torch.tensor(5.0)))
    )


def test_in_batch_negatives_are_the_labels_as_often_as_they_are_labels() -> None:
    rate, rounds, batch, points = torch.linspace(0, 0.4, 12), 3000, 6, generator(3)
    sampler = InBatchSampler(12, label_rate=rate, correction="logq")
    seen, blank = torch.zeros(12), torch.zeros(1, 1)
    for _ in range(rounds):
        labels = Candidates.from_pairs(*(torch.rand(batch, 12, generator=points) < rate).nonzero().t(), batch)
        active = sampler.sample(blank, labels, blank, blank)
        assert active.ids.tolist() == labels.ids.unique().tolist()
        seen[active.ids] += 1
    assert sampler.chance is not None
    expected = sampler.chance.log_inclusion(torch.arange(12), batch).exp()
    sigma = (expected * (1 - expected) / rounds).sqrt()
    assert bool(((seen / rounds - expected).abs() < 4 * sigma + 1e-6).all())


def shifted_loss(correction: Correction) -> tuple[list[Tensor], list[Tensor]]:
    """Loss and gradients of a corrected active set, and those of its definition on dense logits."""
    x, labels, weight, bias = data()
    leaves = [leaf.double().requires_grad_() for leaf in (x, weight, bias)]
    sampler = RandomSampler(
        uniform(N), 30, generator=generator(6), label_rate=torch.linspace(0, 0.02, N), correction=correction
    )
    active = sampler.sample(*(leaves[0], labels), *leaves[1:])
    loss = active.cross_entropy(*leaves, labels)
    found = [loss, *(grad.to_dense() for grad in torch.autograd.grad(loss, leaves))]
    logits = (leaves[0] @ leaves[1].t() + leaves[2])[:, active.ids]
    shift = torch.zeros(len(active.ids)) if active.log_inclusion is None else active.log_inclusion
    if correction == "importance":
        defined = softmax_cross_entropy(logits, active.columns, shift.double())
    else:
        defined = softmax_cross_entropy(logits - shift.double(), active.columns)
    return found, [defined, *torch.autograd.grad(defined, leaves)]


@pytest.mark.parametrize("correction", ["none", "importance", "logq"])
def test_each_correction_shifts_the_scores_it_says(correction: Correction) -> None:
    for found, defined in zip(*shifted_loss(correction), strict=True):
        torch.testing.assert_close(found, defined)


def test_corrections_differ() -> None:
    losses = [float(shifted_loss(correction)[0][0].detach()) for correction in ("none", "importance", "logq")]
    assert len({round(loss, 3) for loss in losses}) == 3


def test_a_correction_needs_a_known_name_and_label_rates() -> None:
    with pytest.raises(ValueError, match="correction='logQ'; accepted: 'none', 'importance', 'logq'"):
        RandomSampler(uniform(N), 5, generator=generator(), correction="logQ")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without label_rate"):
        RandomSampler(uniform(N), 5, generator=generator(), correction="logq")
    assert RandomSampler(uniform(N), 5, generator=generator()).correction == "none"


def test_retrieval_waits_for_the_warm_up_and_then_for_its_turn() -> None:
    x, labels, weight, bias = data()
    family = SimHash(D, num_bits=2, num_tables=6, generator=generator(5))
    sampler = LSHSampler(
        LSHIndex(family, Always()),
        bucket_cap=None,
        keep=None,
        random=InBatchSampler(N),
        generator=generator(7),
        warm_up=3,
        every=2,
    )
    labels_alone, retrieved = len(labels.ids.unique()), []
    for step in range(8):
        sampler.refresh(step, weight, bias)
        assert sampler.index.tables.built == (step >= 3)
        retrieved.append(len(sampler.sample(x, labels, weight, bias).ids) > labels_alone)
    assert retrieved == [False, False, False, False, True, False, True, False]
    with pytest.raises(ValueError, match="every=0"):
        LSHSampler(sampler.index, bucket_cap=1, keep=1, random=sampler.random, generator=generator(), every=0)


def test_a_pool_waits_for_its_turn() -> None:
    x, labels, weight, bias = data()
    pool, random = RandomSampler(uniform(N), 20, generator=generator(5)), InBatchSampler(N)
    sampler = PoolSampler(pool, keep=4, random=random, law=Assumed(0.5), every=3)
    retrieved = [sampler.sample(x, labels, weight, bias) and sampler.retrieved is not None for _ in range(7)]
    assert retrieved == [False, False, True, False, False, True, False]
    with pytest.raises(ValueError, match="every=0"):
        PoolSampler(pool, keep=4, random=random, law=Assumed(0.5), every=0)


def test_without_a_limit_the_batch_shares_all_that_its_queries_find() -> None:
    x, labels, weight, bias = data()
    family = SimHash(D, num_bits=5, num_tables=4, generator=generator(5))
    index = LSHIndex(family, Always())
    sampler = LSHSampler(index, bucket_cap=None, keep=None, random=InBatchSampler(N), generator=generator(7))
    sampler.refresh(0, weight, bias)
    active = sampler.sample(x, labels, weight, bias)
    rows, queries = index.tables.codes, index.query_codes(x)
    shares = (rows.unsqueeze(0) == queries.unsqueeze(1)).any(2).any(0)
    shares[labels.ids] = True
    assert active.ids.tolist() == shares.nonzero().flatten().tolist()
    assert len(active.ids) < N


def slide_sampler(strategy: Strategy, *, fill: int = 0, bucket_cap: int | None = None, bits: int = 4) -> SlideSampler:
    family = SimHash(D, num_bits=bits, num_tables=6, generator=generator(5))
    index = LSHIndex(family, Always(), centre=False)
    sampler = SlideSampler(index, strategy=strategy, fill=fill, bucket_cap=bucket_cap, generator=generator(6))
    sampler.refresh(0, data()[2], data()[3])
    return sampler


def test_slide_gives_every_sample_a_set_of_its_own() -> None:
    x, labels, weight, bias = data()
    active = slide_sampler(Vanilla(40), fill=40, bucket_cap=16).sample(x, labels, weight, bias)
    assert bool(active.holds(labels.samples, labels.ids).all())
    assert int(active.members.counts.max()) <= 40 + 16 + 3
    assert int(active.members.counts.min()) >= 40 - 5  # random classes may repeat each other or the retrieved
    first, second = (set(active.members.ids[active.members.samples == b].tolist()) for b in (0, 1))
    assert first != second


def members(sampler: SlideSampler) -> tuple[list[set[int]], list[set[int]], Tensor]:
    """Of each sample: its active set, its labels, and in how many tables it shares its code with each class."""
    x, labels, weight, bias = data()
    active = sampler.sample(x, labels, weight, bias).members
    counts = (sampler.index.tables.codes.unsqueeze(0) == sampler.index.query_codes(x).unsqueeze(1)).sum(2)
    sets = [[set(c.ids[c.samples == b].tolist()) for b in range(B)] for c in (active, labels)]
    return sets[0], sets[1], counts


@pytest.mark.parametrize("min_tables", [1, 2, 3])
def test_a_hard_threshold_takes_what_enough_tables_hold(min_tables: int) -> None:
    strategy = Union() if min_tables == 1 else HardThreshold(min_tables)
    for found, labels, counts in zip(*members(slide_sampler(strategy)), strict=True):
        assert found == labels | set((counts >= min_tables).nonzero().flatten().tolist())


def test_top_k_takes_what_most_tables_hold() -> None:
    for found, labels, counts in zip(*members(slide_sampler(TopK(12))), strict=True):
        present = counts[counts > 0].sort(descending=True).values
        least = int(present[min(12, len(present)) - 1])
        assert set((counts > least).nonzero().flatten().tolist()) <= found
        assert bool((counts[list(found - labels)] >= least).all())
        assert min(12, len(present)) <= len(found) <= 12 + len(labels)


def test_top_k_breaks_ties_at_random() -> None:
    tables, queries = HashTables(num_bits=1, num_tables=2), torch.zeros(3000, 2, dtype=torch.int32)
    tables.build(torch.tensor([[0, 0]] * 3 + [[0, 1]] * 10, dtype=torch.int32))
    found = TopK(5).candidates(tables, queries, None, generator())
    share = torch.bincount(found.ids, minlength=13) / len(queries)
    assert share[:3].tolist() == [1, 1, 1]
    assert bool(((share[3:] - 0.2).abs() < 4 * (0.2 * 0.8 / len(queries)) ** 0.5).all())


def test_the_fill_adds_nothing_where_enough_was_found() -> None:
    found, labels, counts = members(slide_sampler(Union(), fill=100))
    for active, own, count in zip(found, labels, counts, strict=True):
        retrieved = set((count > 0).nonzero().flatten().tolist())
        if len(retrieved) >= 100:
            assert active == retrieved | own
        else:
            assert len(active) > 75  # drawn with replacement
    assert {len(count.nonzero()) >= 100 for count in counts} == {True, False}
