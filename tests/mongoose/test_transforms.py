"""What the transforms promise of scores, and of their order."""

import math

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.law import angle_between
from mongoose.hashing.transforms import AppendBias, NormAugment, Transform

TRANSFORMS = [AppendBias(), NormAugment(), NormAugment(bias=False)]


def problem(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """60 rows of norms that differ by ten times, biases, 20 queries."""
    generator = Generator().manual_seed(0)
    weight = torch.randn(60, 12, generator=generator, dtype=dtype) * torch.linspace(0.1, 1, 60, dtype=dtype).unsqueeze(
        1
    )
    bias, x = (torch.randn(n, generator=generator, dtype=dtype) for n in (60, 20 * 12))
    return weight, bias, x.view(20, 12)


def angles(rows: Tensor, queries: Tensor) -> Tensor:
    """[B, N] between every query and every row."""
    each = rows.repeat(len(queries), 1), queries.repeat_interleave(len(rows), 0)
    return angle_between(*each).view(len(queries), len(rows))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: f"{type(t).__name__}-{t.dim(12)}")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_widths_are_as_told(transform: Transform, dtype: torch.dtype) -> None:
    weight, bias, x = problem(dtype)
    transform.fit(weight, bias)
    rows, queries = transform.rows(weight, bias), transform.queries(x)
    assert rows.shape == (60, transform.dim(12))
    assert queries.shape == (20, transform.dim(12))
    assert rows.dtype == queries.dtype == dtype
    assert transform.rows(weight[:0], bias[:0]).shape == (0, transform.dim(12))
    assert torch.equal(transform.rows(weight[5:7], bias[5:7]), rows[5:7])


def test_appending_the_bias_keeps_the_score() -> None:
    weight, bias, x = problem()
    scores = AppendBias().queries(x) @ AppendBias().rows(weight, bias).T
    assert torch.allclose(scores, x @ weight.T + bias)


@pytest.mark.parametrize("with_bias", [True, False])
def test_augmenting_norms_orders_angles_as_scores(with_bias: bool) -> None:
    weight, bias, x = problem()
    transform = NormAugment(bias=with_bias)
    rows, queries = transform.rows(weight, bias), transform.queries(x)
    for unit in (rows, queries):
        assert torch.allclose(unit.norm(dim=1), torch.ones(()).double())
    scores = x @ weight.T + (bias if with_bias else 0)
    assert torch.equal(angles(rows, queries).argsort(1), scores.argsort(1, descending=True))


def test_appending_the_bias_does_not_order_angles_as_scores() -> None:
    """What norms are augmented for."""
    weight, bias, x = problem()
    order = angles(AppendBias().rows(weight, bias), AppendBias().queries(x)).argsort(1)
    assert not torch.equal(order, (x @ weight.T + bias).argsort(1, descending=True))


def test_scores_are_kept_up_to_the_norms() -> None:
    """cos = score / (M · |[x, 1]|)."""
    weight, bias, x = problem()
    transform = NormAugment()
    cosines = transform.queries(x) @ transform.rows(weight, bias).T
    largest = torch.cat([weight, bias.unsqueeze(1)], 1).norm(dim=1).max()
    lengths = (x.square().sum(1) + 1).sqrt().unsqueeze(1)
    assert torch.allclose(cosines * largest * lengths, x @ weight.T + bias)


def test_rows_that_outgrow_the_largest_are_clamped_and_counted() -> None:
    weight, bias, _ = problem()
    transform = NormAugment(bias=False)
    transform.fit(weight, bias)
    assert transform.largest == pytest.approx(float(weight.norm(dim=1).max()))
    transform.rows(weight, bias)
    assert transform.clamped == 0
    grown = weight.clone()
    grown[[3, 40]] *= 100
    rows = transform.rows(grown, bias)
    assert transform.clamped == 2
    assert torch.allclose(rows[3], torch.cat([grown[3] / grown[3].norm(), torch.zeros(1).double()]), atol=1e-7)
    assert torch.equal(rows[4:40], transform.rows(weight, bias)[4:40])
    transform.fit(grown, bias)
    assert transform.rows(grown, bias)[40, :-1].norm() == pytest.approx(
        float(grown[40].norm() / grown.norm(dim=1).max())
    )
    assert transform.clamped == 0


def test_zeros_make_no_nan() -> None:
    weight, bias, x = (torch.zeros_like(t) for t in problem())
    for transform in (NormAugment(), NormAugment(bias=False)):
        rows, queries = transform.rows(weight, bias), transform.queries(x)
        assert torch.allclose(rows.norm(dim=1), torch.ones(()).double())
        assert math.isfinite(float(queries.sum()))
