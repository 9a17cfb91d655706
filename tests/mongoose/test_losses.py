"""Each loss against its definition, pair by pair, and its gradient."""

import math

import pytest
import torch
from torch import Tensor

from mongoose.hashing.losses import (
    BitTriplet,
    Contrastive,
    CosineTriplet,
    PairLoss,
    PairwiseCrossEntropy,
    correlation,
    imbalance,
)

M, L, K = 5, 3, 4
LOSSES = [
    BitTriplet(scale=0.7, margin=0.4),
    CosineTriplet(margin=0.9),
    PairwiseCrossEntropy(scale=0.8),
    Contrastive(scale=0.6, sharpness=1.3, contrasts=3),
]


def projections(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(4, M, L, K, generator=generator, dtype=torch.float64)
    return drawn[0], drawn[1], drawn[2], drawn[3]


def agreement(a: Tensor, b: Tensor, scale: float) -> float:
    """Σ tanh·tanh of the bits of [.., K]."""
    pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    return sum(math.tanh(scale * x) * math.tanh(scale * y) for x, y in pairs)


def test_bit_triplet_is_a_margin_on_the_agreement_of_smooth_bits() -> None:
    a, p, o, n = projections()
    terms = [max(0.0, (agreement(o[i], n[i], 0.7) - agreement(a[i], p[i], 0.7)) / (L * K) + 0.4) for i in range(M)]
    assert float(LOSSES[0](a, p, o, n)) == pytest.approx(sum(terms) / M)
    assert min(terms) < max(terms)


def test_cosine_triplet_is_a_margin_on_the_cosine_of_projections() -> None:
    a, p, o, n = projections()

    def distance(x: Tensor, y: Tensor) -> float:
        x, y = x.flatten(), y.flatten()
        return 1 - float(x @ y / (x.norm() * y.norm()))

    terms = [max(0.0, distance(a[i], p[i]) - distance(o[i], n[i]) + 0.9) for i in range(M)]
    assert float(LOSSES[1](a, p, o, n)) == pytest.approx(sum(terms) / M)


def test_pairwise_cross_entropy_asks_every_table_of_every_pair() -> None:
    a, p, o, n = projections()
    terms = []
    for i in range(M):
        for t in range(L):
            near, far = (1 / (1 + math.exp(-agreement(x[i, t], y[i, t], 0.8))) for x, y in ((a, p), (o, n)))
            terms += [-math.log(near), -math.log(1 - far)]
    assert float(LOSSES[2](a, p, o, n)) == pytest.approx(sum(terms) / len(terms))


def test_contrastive_weighs_the_positive_against_the_mean_of_the_rows() -> None:
    a, p, o, n = projections()
    terms = []
    for i in range(M):
        for t in range(L):
            near = math.exp(1.3 * agreement(a[i, t], p[i, t], 0.6))
            rows = [math.exp(1.3 * agreement(a[i, t], n[j, t], 0.6)) for j in range(3)]
            terms.append(-math.log(near / (sum(rows) / 3)) / K)
    assert float(LOSSES[3](a, p, o, n)) == pytest.approx(sum(terms) / len(terms))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_gradients_are_those_of_the_loss(loss: PairLoss) -> None:
    inputs = [x.requires_grad_() for x in projections(1)]
    assert torch.autograd.gradcheck(loss, inputs)
    loss(*inputs).backward()
    assert inputs[0].grad is not None
    assert float(inputs[0].grad.abs().sum()) > 0


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_pairs_that_agree_as_they_should_cost_less(loss: PairLoss) -> None:
    a, p, o, n = projections()
    assert float(loss(a, a, o, -o)) < float(loss(a, p, o, n)) < float(loss(a, -a, o, o))


def test_imbalance_is_the_square_of_a_bits_mean() -> None:
    bits = projections()[0].tanh()
    means = [sum(bits[:, t, k].tolist()) / M for t in range(L) for k in range(K)]
    assert float(imbalance(bits)) == pytest.approx(sum(mean**2 for mean in means) / (L * K))
    assert float(imbalance(torch.tensor([[[1.0]], [[-1.0]]]))) == 0


def test_correlation_is_of_different_bits_of_one_table() -> None:
    bits = projections()[0].tanh()
    squares = [
        (sum((bits[:, t, j] * bits[:, t, k]).tolist()) / M) ** 2
        for t in range(L)
        for j in range(K)
        for k in range(K)
        if j != k
    ]
    assert float(correlation(bits)) == pytest.approx(sum(squares) / len(squares))
    assert float(correlation(bits[:, :, :1])) == 0
