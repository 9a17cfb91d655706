"""Sampled softmax against its definition, with gradients."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from mongoose.candidates import Candidates
from mongoose.nn.linear import FullSoftmaxLinear, SampledLinear
from mongoose.ops.softmax import ragged_softmax_cross_entropy, softmax_cross_entropy
from mongoose.sampling.base import ActiveSet, PerSampleActiveSet, Sampler, SharedActiveSet
from mongoose.sampling.random import RandomSampler, uniform

N, D = 37, 8


def make_labels() -> Candidates:
    return Candidates(torch.tensor([3, 7, 0, 1, 2, 36]), torch.tensor([0, 2, 2, 5, 6]))


def definition(logits: Tensor, labels: Candidates, log_inclusion: Tensor | None = None) -> Tensor:
    """Row by row, as one would write it on paper: each negative counts once for every 1/probability of its kind."""
    losses = []
    weight = torch.ones(logits.shape[1], dtype=logits.dtype) if log_inclusion is None else 1 / log_inclusion.exp()
    for row, (a, b) in zip(logits, zip(labels.offsets[:-1], labels.offsets[1:], strict=True), strict=True):
        own = labels.ids[a:b]
        times = weight.clone()
        times[own] = 1
        partition = (times * (row - row.max()).exp()).sum().log() + row.max()
        losses.append((partition - row[own]).mean() if len(own) else row.new_zeros(()))
    return torch.stack(losses).mean()


class Everything(Sampler):
    """An active set of all classes, shared or per sample."""

    def __init__(self, per_sample: bool) -> None:
        self.per_sample = per_sample

    def sample(self, x: Tensor, labels: Candidates, weight: Tensor, bias: Tensor) -> ActiveSet:
        ids = torch.arange(len(weight))
        if not self.per_sample:
            return SharedActiveSet(ids, labels)
        return PerSampleActiveSet(Candidates(ids.repeat(len(x)), torch.arange(len(x) + 1) * len(weight)))


@pytest.mark.parametrize("scale", [1.0, 1e4, -1e4])
def test_dense_loss_equals_its_definition(scale: float) -> None:
    logits = torch.randn(4, N, dtype=torch.float64) * scale
    torch.testing.assert_close(softmax_cross_entropy(logits, make_labels()), definition(logits, make_labels()))


def test_the_corrected_loss_equals_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, N, dtype=torch.float64, generator=generator)
    log_inclusion = torch.rand(N, dtype=torch.float64, generator=generator).log()
    found = softmax_cross_entropy(logits, make_labels(), log_inclusion)
    torch.testing.assert_close(found, definition(logits, make_labels(), log_inclusion))
    assert float(found) > float(softmax_cross_entropy(logits, make_labels()))


@pytest.mark.parametrize("per_sample", [False, True])
def test_an_active_set_of_all_classes_is_the_full_softmax(per_sample: bool) -> None:
    full = FullSoftmaxLinear(D, N).double()
    sampled = SampledLinear(D, N, sampler=Everything(per_sample)).double()
    sampled.load_state_dict(full.state_dict())
    x = torch.randn(4, D, dtype=torch.float64)
    results = []
    for layer in (full, sampled):
        query = x.clone().requires_grad_()
        loss = layer.loss(query, make_labels())
        loss.backward()
        assert layer.weight.grad is not None
        assert layer.bias.grad is not None
        results.append((loss.detach(), query.grad, layer.weight.grad.to_dense(), layer.bias.grad.to_dense()))
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_gradients_of_the_shared_loss() -> None:
    logits = torch.randn(4, N, dtype=torch.float64, requires_grad=True)
    log_inclusion = -torch.rand(N, dtype=torch.float64)
    assert gradcheck(lambda z: softmax_cross_entropy(z, make_labels(), log_inclusion), (logits,))


def test_gradients_of_the_ragged_loss() -> None:
    labels = make_labels()
    pairs = labels.union(Candidates(torch.tensor([5, 6, 9, 3]), torch.tensor([0, 1, 2, 3, 4])))
    logits = torch.randn(pairs.ids.numel(), dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda z: ragged_softmax_cross_entropy(z, pairs, labels), (logits,))


def test_a_missing_label_is_refused() -> None:
    labels = make_labels()
    pairs = Candidates(torch.tensor([3, 0, 1, 2, 36]), torch.tensor([0, 1, 1, 4, 5]))
    with pytest.raises(ValueError, match="5 of 6 labels"):
        ragged_softmax_cross_entropy(torch.zeros(5), pairs, labels)


def test_the_importance_correction_makes_the_partition_function_unbiased() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N, generator=generator, dtype=torch.float64)
    labels = Candidates(torch.tensor([3]), torch.tensor([0, 1]))
    probability = torch.rand(N, generator=generator, dtype=torch.float64)
    sampler = RandomSampler(
        probability / probability.sum(), 10, generator=generator, label_rate=torch.zeros(N, dtype=torch.float64)
    )
    empty = torch.zeros(1, 1)
    estimates = []
    for _ in range(4000):
        active = sampler.sample(empty, labels, empty, empty)
        assert active.log_inclusion is not None
        shifted = logits[active.ids] - active.log_inclusion
        estimates.append(torch.where(active.ids == 3, logits[3], shifted).exp().sum())
    found = torch.stack(estimates)
    error = (found.mean() - logits.exp().sum()).abs() / (found.std() / len(found) ** 0.5)
    assert error < 4


def test_sampled_gradients_store_only_active_rows() -> None:
    layer = SampledLinear(D, N, sampler=RandomSampler(uniform(N), 5, generator=torch.Generator().manual_seed(0)))
    layer.loss(torch.randn(4, D), make_labels()).backward()
    assert layer.weight.grad is not None
    assert isinstance(layer.active, SharedActiveSet)
    assert layer.weight.grad.coalesce().indices()[0].tolist() == layer.active.ids.tolist()
    assert set(make_labels().ids.tolist()) <= set(layer.active.ids.tolist())
