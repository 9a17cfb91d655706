"""Sampled softmax: kernels against their definitions, losses and gradients."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.ops.backend import using
from mongoose.ops.softmax import _ragged_softmax, _shared_softmax

SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
Given = tuple[Tensor, ...]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def labels(samples: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Ids and offsets of 0 … 3 distinct labels a sample; none where there is no class."""
    generator = Generator().manual_seed(seed)
    chosen = torch.rand(samples, classes, generator=generator).argsort(1) if classes else torch.zeros(samples, 0)
    counts = torch.randint(0, min(classes, 3) + 1, (samples,), generator=generator)
    ids = [chosen[b, : counts[b]].sort().values.long() for b in range(samples)]
    return torch.cat([torch.zeros(0, dtype=torch.int64), *ids]), torch.cat([torch.zeros(1).long(), counts.cumsum(0)])


def shared(given: Given, sets: Given, log_inclusion: Tensor | None, low: bool = False) -> list[Tensor]:
    """The loss of x, rows and bias, and three times its gradients."""
    leaves = [t.clone().requires_grad_() for t in given]
    loss = _shared_softmax(*leaves, *sets, log_inclusion, low)[0]
    return [loss.detach().cpu(), *(gradient.cpu() for gradient in torch.autograd.grad(3 * loss, leaves))]


def compare(
    device: torch.device, classes: int, batch: int, dtype: torch.dtype, corrected: bool = True, spread: float = 1.0
) -> None:
    given = tuple(t.to(dtype) for t in (spread * normal(batch, 5), normal(classes, 5, seed=1), normal(classes, seed=2)))
    sets = labels(batch, classes)
    logs = -normal(classes, seed=3).to(dtype).abs() if corrected else None
    with using("reference"):
        expected = shared(given, sets, logs)
    found = shared(
        *(tuple(t.to(device) for t in ts) for ts in (given, sets)), None if logs is None else logs.to(device)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", SIZES)
def test_the_shared_softmax_of_any_number_of_classes(
    device: torch.device, classes: int, dtype: torch.dtype, corrected: bool
) -> None:
    compare(device, classes, 33, dtype, corrected)


@pytest.mark.parametrize("batch", SIZES)
def test_the_shared_softmax_of_any_number_of_samples(device: torch.device, batch: int) -> None:
    if batch:
        compare(device, 33, batch, torch.float64)
        return
    with using("reference"):  # a mean over nothing
        assert all(t.isnan().all() for t in shared((normal(0, 5), normal(3, 5), normal(3)), labels(0, 3), None)[:1])
    found = shared((normal(0, 5), normal(3, 5), normal(3)), labels(0, 3), None)
    assert found[0].isnan()
    assert not found[2].any()


def test_large_scores_do_not_overflow(device: torch.device) -> None:
    compare(device, 127, 33, torch.float32, spread=1e3)


def test_scores_in_bfloat16_are_as_close_as_it_allows(device: torch.device) -> None:
    given = normal(33, 64).float(), normal(700, 64, seed=1).float() / 8, normal(700, seed=2).float()
    sets, logs = labels(33, 700), -normal(700, seed=3).float().abs()
    with using("reference"):
        exact = shared(given, sets, logs)
    on_device = (tuple(t.to(device) for t in ts) for ts in (given, sets))
    for found, expected in zip(shared(*on_device, logs.to(device), low=True), exact, strict=True):
        assert 0 < float((found - expected).norm() / expected.norm()) < 2e-2


def ragged(samples: int, most: int) -> Given:
    """logits, active sets of 0 … most classes a sample, and labels among them."""
    pairs = Candidates(*_sets(samples, most))
    held = torch.rand(len(pairs.ids), generator=Generator().manual_seed(4)) < 0.2
    counts = torch.zeros(samples, dtype=torch.int64).index_add(
        0, pairs.samples[held], torch.ones(int(held.sum())).long()
    )
    offsets = torch.cat([torch.zeros(1).long(), counts.cumsum(0)])
    return normal(len(pairs.ids)), pairs.ids, pairs.offsets, pairs.ids[held], offsets


def _sets(samples: int, most: int) -> tuple[Tensor, Tensor]:
    chosen = torch.rand(samples, 2 * most, generator=Generator().manual_seed(samples)) < 0.25
    chosen[::2] &= torch.arange(2 * most) > most
    ids, counts = chosen.nonzero()[:, 1], chosen.sum(1)
    return ids, torch.cat([torch.zeros(1).long(), counts.cumsum(0)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("samples", "most"), [(1, 0), (9, 1), (9, 31), (9, 32), (9, 33), (31, 127), (3, 1000), (127, 9)]
)
def test_the_ragged_softmax_is_the_definition(
    device: torch.device, samples: int, most: int, dtype: torch.dtype
) -> None:
    logits, *sets = ragged(samples, most)
    logits = (10 * logits).to(dtype)
    with using("reference"):
        expected = _ragged_softmax(logits, *sets)
    found = _ragged_softmax(*(t.to(device) for t in (logits, *sets)))
    torch.testing.assert_close(tuple(t.cpu() for t in found), expected)


def test_the_ragged_gradient_reaches_the_logits(device: torch.device) -> None:
    logits, *sets = (t.to(device) for t in ragged(9, 33))
    leaf = logits.requires_grad_()
    loss, gradient = _ragged_softmax(leaf, *sets)
    (found,) = torch.autograd.grad(3 * loss, leaf)
    torch.testing.assert_close(found, 3 * gradient)
