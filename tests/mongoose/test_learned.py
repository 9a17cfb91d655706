"""Learned SimHash finds what it was taught to find."""

import torch

from mongoose.hashing.learned import LearnedSimHash


def planted(num_pairs: int = 400, dim: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Anchors agree with their positives in 4 of 32 coordinates, which noise hides from random planes."""
    generator = torch.Generator().manual_seed(0)
    signal = torch.randn(num_pairs, 4, generator=generator)
    noise = 3 * torch.randn(2, num_pairs, dim - 4, generator=generator)
    anchor, positive = torch.cat([signal, noise[0]], 1), torch.cat([signal, noise[1]], 1)
    return anchor, positive, positive.roll(1, 0)


def agreement(family: LearnedSimHash) -> tuple[float, float]:
    """Share of tables in which anchors collide with positives, and with negatives."""
    anchor, positive, negative = (family.codes(x) for x in planted())
    return float((anchor == positive).float().mean()), float((anchor == negative).float().mean())


def test_fitting_raises_collisions_with_positives_over_negatives() -> None:
    family = LearnedSimHash(32, num_bits=4, num_tables=8, generator=torch.Generator().manual_seed(1), first_steps=300)
    before = agreement(family)
    loss_before = float(family.loss(*planted()).detach())
    family.fit(*planted())
    after = agreement(family)
    assert float(family.loss(*planted()).detach()) < 0.7 * loss_before
    assert after[0] > 2 * before[0]
    assert after[0] > 2 * after[1]


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
