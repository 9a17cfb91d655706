"""Learned SimHash finds what it was taught to find."""

from typing import Any

import pytest
import torch

from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.losses import BitTriplet, Contrastive, CosineTriplet, PairLoss, PairwiseCrossEntropy, correlation
from mongoose.ops.simhash import simhash


def planted(num_pairs: int = 400, dim: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Anchors agree with their positives in 4 of 32 coordinates, which noise hides from random planes."""
    generator = torch.Generator().manual_seed(0)
    signal = torch.randn(num_pairs, 4, generator=generator)
    noise = 3 * torch.randn(2, num_pairs, dim - 4, generator=generator)
    anchor, positive = torch.cat([signal, noise[0]], 1), torch.cat([signal, noise[1]], 1)
    return anchor, positive, positive.roll(1, 0)


def agreement(family: LearnedSimHash) -> tuple[float, float]:
    """Share of tables in which anchors collide with positives, and with negatives."""
    anchor, positive, negative = planted()
    anchor, positive, negative = family.query_codes(anchor), family.codes(positive), family.codes(negative)
    return float((anchor == positive).float().mean()), float((anchor == negative).float().mean())


def family(bits: int = 4, tables: int = 8, **fields: Any) -> LearnedSimHash:
    return LearnedSimHash(32, num_bits=bits, num_tables=tables, generator=torch.Generator().manual_seed(1), **fields)


@pytest.mark.parametrize("form", [{}, {"asymmetric": True}, {"thresholds": True}], ids=str)
@pytest.mark.parametrize("objective", [Contrastive(), BitTriplet(), CosineTriplet(), PairwiseCrossEntropy()], ids=repr)
def test_fitting_raises_collisions_with_positives_over_negatives(objective: PairLoss, form: dict[str, bool]) -> None:
    learner = family(objective=objective, first_steps=300, **form)
    before = agreement(learner)
    loss_before = float(learner.loss(*planted()).detach())
    learner.fit(*planted())
    after = agreement(learner)
    assert float(learner.loss(*planted()).detach()) < 0.9 * loss_before
    assert after[0] > 1.5 * before[0]
    assert after[0] > 1.5 * after[1]


def test_only_the_planes_learn() -> None:
    family = LearnedSimHash(32, num_bits=2, num_tables=2, generator=torch.Generator().manual_seed(1))
    rows = [x.clone().requires_grad_() for x in planted()]
    family.loss(*rows).backward()
    assert family.planes.grad is not None
    assert float(family.planes.grad.abs().sum()) > 0


def test_the_first_fit_is_longer_than_the_next() -> None:
    family = LearnedSimHash(32, num_bits=2, num_tables=2, generator=torch.Generator().manual_seed(1), steps=0)
    family.fit(*planted())
    learned = family.planes.detach().clone()
    family.fit(*planted())
    assert torch.equal(learned, family.planes)


def test_a_fit_without_steps_changes_nothing_and_has_no_loss() -> None:
    learner = family(first_steps=0)
    before = learner.planes.detach().clone()
    assert learner.fit(*planted()) != learner.fit(*planted(), planted()[0])  # NaN, then a number
    assert not torch.equal(before, learner.planes)


def test_queries_have_the_codes_of_rows_unless_asked_otherwise() -> None:
    anchor, *_ = planted()
    same = family()
    same.fit(*planted())
    assert torch.equal(same.query_codes(anchor, anchor[0]), same.codes(anchor, anchor[0]))
    for form in ({"asymmetric": True}, {"thresholds": True}):
        own = family(**form)
        assert torch.equal(own.query_codes(anchor), own.codes(anchor))  # both start as random SimHash
        own.fit(*planted())
        assert not torch.equal(own.query_codes(anchor), own.codes(anchor))


def test_signs_are_what_is_hashed_with_and_magnitudes_what_is_learned() -> None:
    x, learner = planted()[0], family(signs=True)
    assert torch.equal(learner.codes(x), simhash(x, learner.planes.detach().sign(), 8))
    assert float(learner.planes.detach().abs().std()) > 0
    with pytest.raises(ValueError, match="signs=True with thresholds=True"):
        family(signs=True, thresholds=True)


def test_thresholds_are_above_projections_of_rows_at_their_mean_norm() -> None:
    learner, (anchor, positive, negative) = family(thresholds=True), planted()
    learner.fit(anchor, positive, negative)
    projected = positive @ learner.planes + learner.shift * learner.row_norm
    bits = (projected > 0).view(len(positive), 8, 4) * 2 ** torch.arange(4)
    assert torch.equal(learner.codes(positive), bits.sum(2).int())
    expected = (positive.norm(dim=1).mean() + negative.norm(dim=1).mean()) / 2
    torch.testing.assert_close(learner.row_norm, expected)
    torch.testing.assert_close(learner.query_norm, anchor.norm(dim=1).mean())


def test_thresholds_find_rows_that_all_queries_want() -> None:
    """Queries at random, the same eight long rows their positives: no plane through the origin sets those apart."""
    generator = torch.Generator().manual_seed(3)
    queries, rows = torch.randn(512, 32, generator=generator), torch.randn(512, 32, generator=generator)
    wanted = torch.cat([torch.full((8, 1), 12.0), 3 * torch.randn(8, 31, generator=generator)], dim=1)
    shares = []
    for thresholds in (False, True):
        learner = family(thresholds=thresholds, balance=0.0, first_steps=200)
        learner.fit(queries, wanted.repeat(64, 1), rows)
        asked, found, others = learner.query_codes(queries), learner.codes(wanted), learner.codes(rows)
        near = (asked.unsqueeze(1) == found).any(2).float().mean()
        far = (asked.unsqueeze(1) == others).any(2).float().mean()
        shares.append((float(near), float(far)))
    assert shares[1][0] > 0.9
    assert shares[1][1] < 0.1
    assert shares[0][0] < 0.5


def test_decorrelation_keeps_the_bits_of_a_table_apart() -> None:
    found = []
    for weight in (0.0, 1.0):
        learner = family(objective=BitTriplet(), decorrelation=weight, first_steps=200)
        learner.fit(*planted())
        rows = planted()[2]
        bits = torch.where(rows @ learner.planes.detach() > 0, 1.0, -1.0).view(-1, 8, 4)
        found.append(float(correlation(bits)))
    assert found[1] < 0.5 * found[0]


def test_negatives_may_be_those_of_other_queries() -> None:
    """The pair loss looks at (anchor, positive) and (other, negative); without `other`, at the anchor twice."""
    learner, (anchor, positive, negative) = family(objective=PairwiseCrossEntropy(), balance=0.0), planted()
    alone = learner.loss(anchor, positive, negative)
    assert torch.equal(learner.loss(anchor, positive, negative, anchor), alone)
    order = torch.randperm(len(anchor), generator=torch.Generator().manual_seed(0))
    shuffled = learner.loss(anchor, positive, negative[order], anchor[order])
    torch.testing.assert_close(shuffled, alone)
    assert abs(float((learner.loss(anchor, positive, negative, anchor[order]) - alone).detach())) > 1e-6


def test_a_second_fit_goes_on_from_the_first() -> None:
    learner = family(first_steps=200, steps=1)
    learner.fit(*planted())
    taught = float(learner.loss(*planted()).detach())
    learner.fit(*planted())
    assert float(learner.loss(*planted()).detach()) < taught + 0.05
