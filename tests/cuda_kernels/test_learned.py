"""Losses of learned hashing, and the mining of triplets: kernels against their definitions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.losses import BitTriplet, Contrastive, PairLoss
from mongoose.ops.backend import using
from mongoose.ops.pair_losses import _bit_triplet, _contrastive
from mongoose.ops.pairs import pairs_below
from mongoose.ops.sparse_matmul import sampled_matmul

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
L, SCALE = 3, 0.7


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("pairs", "bits"), [*((m, 9) for m in SIZES), (9, 1), (9, 16)])
def test_the_triplet_loss_and_its_gradients(both: Both, pairs: int, bits: int, dtype: torch.dtype) -> None:
    given = [normal(pairs, L, bits, seed=seed).to(dtype) for seed in range(4)]
    reference, kernel = both(_bit_triplet, *given, SCALE, 0.05)
    torch.testing.assert_close(kernel, reference, equal_nan=True)  # of no pairs: NaN


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("pairs", "rows", "bits"),
    [*((m, 5, 9) for m in SIZES), *((5, c, 9) for c in (1, 31, 32, 33, 64)), (5, 6, 1), (5, 6, 33)],
)
def test_the_contrastive_loss_and_its_gradients(
    both: Both, pairs: int, rows: int, bits: int, dtype: torch.dtype
) -> None:
    given = [normal(n, L, bits, seed=seed).to(dtype) for seed, n in enumerate((pairs, pairs, rows))]
    reference, kernel = both(_contrastive, *given, SCALE, 1.3)
    torch.testing.assert_close(kernel, reference, equal_nan=True)  # of no pairs: NaN


@pytest.mark.parametrize("loss", [BitTriplet(SCALE, 0.05), Contrastive(SCALE, 1.3, 5)], ids=repr)
def test_losses_are_differentiated_by_kernels(device: torch.device, loss: PairLoss) -> None:
    given = [normal(9, L, 5, seed=seed) for seed in range(4)]
    leaves = [of.to(device).requires_grad_() for of in given]
    found = torch.autograd.grad(3 * loss(*leaves), leaves, allow_unused=True)
    leaves = [of.requires_grad_() for of in given]
    with using("reference"):
        wanted = torch.autograd.grad(3 * loss(*leaves), leaves, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        torch.testing.assert_close(one if one is None else one.cpu(), other)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("pairs", SIZES)
def test_chosen_pairs_are_those_of_the_comparison(both: Both, pairs: int, dtype: torch.dtype, biased: bool) -> None:
    generator = Generator().manual_seed(pairs)
    x, weight, bias, limit = (  # whole numbers, so that scores are exact and often tie with a limit
        torch.randint(-2, 3, shape, generator=generator).to(dtype) for shape in ((9, 33), (37, 33), (37,), (9,))
    )
    samples, ids = (torch.randint(0, n, (pairs,), generator=generator) for n in (9, 37))
    reference, kernel = both(pairs_below, x, weight, bias if biased else None, samples, ids, limit)
    assert torch.equal(kernel, reference)


def test_a_pair_is_not_below_the_limit_that_its_own_score_is(device: torch.device) -> None:
    """Mining computes limits by another kernel: its sums are these to the last bit."""
    x, weight, bias = normal(9, 100).float(), normal(9, 100, seed=1).float(), normal(9, seed=2).float()
    given, each = [of.to(device) for of in (x, weight, bias)], torch.arange(9, device=device)
    limit = sampled_matmul(given[0], given[1], each, torch.arange(10, device=device), given[2])
    assert not len(pairs_below(*given, each, each, limit))
    assert len(pairs_below(*given, each, each, limit.nextafter(limit + 1))) == 9
