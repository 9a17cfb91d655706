"""The peers' output layers: what is said to be exact is, and what is sampled is drawn as said."""

import math

import pytest
import torch

from mongoose.candidates import Candidates
from mongoose.nn.adaptive import AdaptiveSoftmax, cutoffs
from mongoose.nn.dense_bf16 import Bf16SoftmaxLinear
from mongoose.nn.linear import FullSoftmaxLinear, OutputLayer
from mongoose.nn.linear_cross_entropy import LinearCrossEntropy
from mongoose.nn.sampled_embedding import Distribution, SampledEmbedding
from mongoose.nn.xmc import SparseRows, XMCNet

N, D, B = 500, 16, 64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def queries() -> torch.Tensor:
    return torch.randn(B, D, generator=generator(1))


def label_sets() -> Candidates:
    """One to five labels a sample, and none for sample 7."""
    sample = torch.randint(B, (3 * B,), generator=generator(2))
    sample = torch.cat([torch.arange(B), sample])
    ids = torch.randint(N, (len(sample),), generator=generator(3))
    keep = sample != 7
    return Candidates.from_pairs(sample[keep], ids[keep], B)


def with_weights(layer: OutputLayer) -> OutputLayer:
    layer.initialise(generator(4))
    return layer


def loss_and_gradients(layer: OutputLayer) -> list[torch.Tensor]:
    x = queries().requires_grad_()
    loss = layer.loss(x, label_sets())
    loss.backward()
    gradients = [x.grad, *(parameter.grad for parameter in layer.parameters())]
    return [loss.detach(), *(g.to_dense() for g in gradients if g is not None)]


@pytest.mark.parametrize("chunk", [1, 24, 64, None])
def test_linear_cross_entropy_is_the_full_softmax_also_for_label_sets(chunk: int | None) -> None:
    found = loss_and_gradients(with_weights(LinearCrossEntropy(D, N, chunk=chunk)))
    expected = loss_and_gradients(with_weights(FullSoftmaxLinear(D, N)))
    assert len(found) == len(expected) == 4
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)  # sums of 500 float32 in another order


def test_bf16_is_the_full_softmax_to_bf16_accuracy() -> None:
    found = loss_and_gradients(with_weights(Bf16SoftmaxLinear(D, N)))
    expected = loss_and_gradients(with_weights(FullSoftmaxLinear(D, N)))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert float((ours - theirs).norm() / theirs.norm()) < 0.02  # bfloat16 keeps 8 bits: 0.4 % a number


def test_adaptive_softmax_loss_is_that_of_its_full_distribution_in_the_callers_ids() -> None:
    counts = torch.randint(100, (N,), generator=generator(5))
    layer = with_weights(AdaptiveSoftmax(D, counts=counts, cutoffs=cutoffs(N, (0.02, 0.2)), div_value=4))
    assert isinstance(layer, AdaptiveSoftmax)
    x, labels = queries(), label_sets()
    log_p = layer.softmax.log_prob(x)[:, layer.rank]
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(B))
    own = log_p[labels.samples, labels.ids] / labels.counts[labels.samples]
    torch.testing.assert_close(layer.loss(x, labels), -own.sum() / B)
    assert torch.equal(layer.topk(x, 3), log_p.topk(3, dim=1).indices)
    assert torch.equal(counts[layer.by_frequency], counts.sort(descending=True).values)


def test_adaptive_softmax_refuses_a_cluster_without_a_dimension() -> None:
    with pytest.raises(ValueError, match="div_value=4"):
        AdaptiveSoftmax(D, counts=torch.ones(N), cutoffs=[10, 100, 200], div_value=4)


def test_cutoffs_leave_something_on_both_sides() -> None:
    assert cutoffs(1000, (0.01, 0.1)) == [10, 100]
    assert cutoffs(5, (0.01, 0.1, 1.0, 0.5)) == [2]


@pytest.mark.parametrize("distribution", ["uniform", "log_uniform"])
def test_sampled_embedding_draws_from_its_distribution(distribution: Distribution) -> None:
    counts = torch.tensor([3, 50, 7, 0])
    layer = SampledEmbedding(
        D, counts=counts, num_samples=40_000, distribution=distribution, corrected=False, generator=generator(6)
    )
    seen = torch.bincount(layer.draw(), minlength=4) / 40_000
    log_uniform = [math.log((r + 2) / (r + 1)) / math.log(5) for r in range(4)]
    by_rank = log_uniform if distribution == "log_uniform" else 4 * [0.25]
    expected = torch.tensor([by_rank[2], by_rank[0], by_rank[1], by_rank[3]])
    assert bool(((seen - expected).abs() < 4.5 * (expected * (1 - expected) / 40_000).sqrt()).all())


def test_sampled_embedding_with_all_classes_drawn_is_the_full_softmax() -> None:
    layer = with_weights(
        SampledEmbedding(
            D,
            counts=torch.zeros(N),
            num_samples=20_000,  # misses a class with probability 500·e^−40
            distribution="uniform",
            corrected=False,
            generator=generator(6),
        )
    )
    found, expected = loss_and_gradients(layer), loss_and_gradients(with_weights(FullSoftmaxLinear(D, N)))
    assert layer.active_size == N
    assert all(parameter.grad is not None and parameter.grad.is_sparse for parameter in layer.parameters())
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.flatten(), theirs.flatten(), rtol=1e-4, atol=1e-6)
    x = queries()
    assert layer.topk(x, 3).shape == (B, 3)


def test_the_correction_is_the_log_of_the_expected_count() -> None:
    layer = SampledEmbedding(
        D,
        counts=torch.arange(N),
        num_samples=64,
        distribution="log_uniform",
        corrected=True,
        generator=generator(6),
    )
    rounds = 2000
    seen = sum(torch.bincount(layer.draw().unique(), minlength=N) for _ in range(rounds))
    assert layer.log_expected is not None
    expected = layer.log_expected.exp()
    assert bool(((seen / rounds - expected).abs() < 4.8 * (expected * (1 - expected) / rounds).sqrt() + 1e-6).all())


def test_a_layer_may_bring_its_own_optimisers() -> None:
    rows = SparseRows(torch.tensor([0, 2]), torch.ones(2), torch.tensor([0, 1, 2]))
    labels = Candidates(torch.tensor([1, 0]), torch.tensor([0, 1, 2]))
    head = SampledEmbedding(
        D, counts=torch.ones(4), num_samples=8, distribution="uniform", corrected=False, generator=generator(6)
    )
    net = XMCNet(3, head, generator=generator(7))
    optimizers = net.optimizers(0.1)
    assert [type(optimizer).__name__ for optimizer in optimizers] == ["SparseAdam", "Adam"]
    held = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(parameter) for parameter in net.parameters()}
    first = net.loss(rows, labels)
    first.backward()
    for optimizer in optimizers:
        optimizer.step()
    assert float(net.loss(rows, labels).detach()) < float(first.detach())
