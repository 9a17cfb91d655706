"""The chunked dense layer: the steps of the dense one, in less memory, and refusals where they could not be."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mongoose.candidates import Candidates
from mongoose.nn.chunked import ChunkedSoftmaxLinear
from mongoose.nn.linear import FullSoftmaxLinear
from mongoose.optim import SecondMoment
from mongoose.rounding import round_stochastically

D, B, BLOCK = 8, 12, 16
LR = 0.05
Layer = ChunkedSoftmaxLinear | FullSoftmaxLinear


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def label_sets(num_classes: int, batch: int = B) -> Candidates:
    """One to three labels a sample, and none for samples 2 and 5."""
    sample = torch.cat([torch.arange(batch), torch.randint(batch, (2 * batch,), generator=generator(1))])
    ids = torch.randint(num_classes, (len(sample),), generator=generator(2))
    keep = (sample != 2) & (sample != 5)
    return Candidates.from_pairs(sample[keep], ids[keep], batch)


def chunked(num_classes: int, block: int = BLOCK, dtype: torch.dtype = torch.float32) -> ChunkedSoftmaxLinear:
    layer = ChunkedSoftmaxLinear(D, num_classes, block=block, generator=generator(5), dtype=dtype)
    layer.initialise(generator(3))
    return layer


def dense(num_classes: int) -> FullSoftmaxLinear:
    layer = FullSoftmaxLinear(D, num_classes)
    layer.initialise(generator(3))
    return layer


class Adams(nn.Module):
    """A layer in training, its queries a parameter before it, as in a network."""

    def __init__(self, layer: Layer, second_moment: SecondMoment = "element", batch: int = B) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.randn(batch, D, generator=generator(4)).to(layer.bias.dtype))
        self.layer, self.rest = layer, nn.Parameter(torch.zeros(1, D))
        self.optimizers = layer.optimizers([*layer.parameters(), self.x], [self.rest], LR, second_moment)

    def step(self, labels: Candidates, factor: float = 1.0) -> list[Tensor]:
        """Loss, gradient of the queries, and the weights after the step."""
        loss = self.layer.loss(self.x, labels)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        (factor * loss).backward()
        assert self.x.grad is not None
        of_x = self.x.grad.clone()
        for optimizer in self.optimizers:
            optimizer.step()
        return [loss.detach(), of_x, *(parameter.detach().clone() for parameter in self.layer.parameters())]


@pytest.mark.parametrize("num_classes", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_steps_are_those_of_the_dense_layer_with_adam(num_classes: int) -> None:
    ours, theirs = Adams(chunked(num_classes).double()), Adams(dense(num_classes).double())
    assert type(theirs.optimizers[1]) is torch.optim.Adam
    for _ in range(5):
        labels = label_sets(num_classes)
        for found, expected in zip(ours.step(labels), theirs.step(labels), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert all(parameter.grad is None for parameter in ours.layer.parameters())


def test_one_step_in_float32_agrees_to_rounding() -> None:
    ours, theirs = Adams(chunked(50)), Adams(dense(50))
    labels = label_sets(50)
    for found, expected in zip(ours.step(labels), theirs.step(labels), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [1, 7, 50, 1000])
def test_the_size_of_a_block_changes_nothing(block: int) -> None:
    labels = label_sets(50)
    found, expected = Adams(chunked(50, block).double()).step(labels), Adams(chunked(50).double()).step(labels)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_batch_without_labels_costs_nothing() -> None:
    trained = Adams(chunked(20))
    before = trained.layer.weight.detach().clone()
    nothing = Candidates(torch.empty(0, dtype=torch.int64), torch.zeros(B + 1, dtype=torch.int64))
    loss, of_x, weight, _ = trained.step(nothing)
    assert float(loss) == 0.0
    assert not of_x.any()
    assert torch.equal(weight, before)


def test_a_factor_of_the_loss_is_a_factor_of_the_gradients() -> None:
    labels = label_sets(40)
    ours, theirs = Adams(chunked(40).double()), Adams(dense(40).double())
    for factor in (1.0, 3.0, -0.5):  # Adam forgets a constant factor, not a changing one
        for found, expected in zip(ours.step(labels, factor), theirs.step(labels, factor), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_one_second_moment_a_row() -> None:
    trained = Adams(chunked(40), "row")
    losses = [float(trained.step(label_sets(40))[0]) for _ in range(20)]
    adam = trained.optimizers[-1]
    assert adam.state[trained.layer.weight]["exp_avg_sq"].shape == (40,)
    assert losses[-1] < 0.7 * losses[0]


def test_topk_is_exact() -> None:
    layer, x = chunked(50), torch.randn(B, D, generator=generator(6))
    scores = x @ layer.weight.t() + layer.bias
    assert torch.equal(layer.topk(x, 3), scores.topk(3, dim=1).indices)


class Allocations(TorchDispatchMode):
    """Notes the largest memory behind any result of an operation that is not memory known before."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.largest, self.calls = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        self.calls += 1
        for result in results if isinstance(results, (tuple, list)) else (results,):
            if isinstance(result, Tensor) and result.untyped_storage().data_ptr() not in self.known:
                self.largest = max(self.largest, result.untyped_storage().nbytes())
        return results


def largest_allocation(layer: Layer, batch: int, num_classes: int) -> int:
    """Bytes of the largest tensor of a step, the moments apart, which are made by a step before."""
    trained, labels = Adams(layer, batch=batch), label_sets(num_classes, batch)
    trained.step(labels)
    moments = [v for o in trained.optimizers for s in o.state.values() for v in s.values() if isinstance(v, Tensor)]
    with Allocations([*trained.parameters(), *moments]) as seen:
        loss = layer.loss(trained.x, labels)
        forward = seen.calls
        loss.backward()
    assert seen.calls > forward + 5  # the backward pass is watched too
    return seen.largest


def test_no_logits_matrix_and_no_gradient_matrix_is_ever_made() -> None:
    num_classes, batch = 2000, 4
    of_dense = largest_allocation(dense(num_classes), batch, num_classes)
    assert of_dense >= 4 * num_classes * D  # what is looked for is seen where it is
    for dtype in (torch.float32, torch.bfloat16):
        found = largest_allocation(chunked(num_classes, dtype=dtype), batch, num_classes)
        assert found < 4 * num_classes * min(batch, D) // 2  # one number a class would be a quarter of B·N


def test_stored_in_bfloat16_it_learns_nearly_as_in_float32() -> None:
    labels = label_sets(40)
    ours, theirs = Adams(chunked(40, dtype=torch.bfloat16)), Adams(chunked(40))
    assert ours.layer.weight.dtype == torch.bfloat16
    for _ in range(30):
        found, expected = ours.step(labels)[0], theirs.step(labels)[0]
    state = ours.optimizers[-1].state[ours.layer.weight]
    assert state["exp_avg"].dtype == state["exp_avg_sq"].dtype == torch.bfloat16
    assert float(found) == pytest.approx(float(expected), rel=0.1)
    assert torch.isfinite(ours.layer.weight).all()


def test_in_bfloat16_the_second_moment_decays() -> None:
    """Rounded to the nearest it would stay where it is: 0.999 of a bfloat16 is nearest to itself."""
    trained = Adams(chunked(40, dtype=torch.bfloat16))
    trained.step(label_sets(40))
    square = trained.optimizers[-1].state[trained.layer.weight]["exp_avg_sq"]
    before = square.float().sum()
    nothing = Candidates(torch.empty(0, dtype=torch.int64), torch.zeros(B + 1, dtype=torch.int64))
    for _ in range(200):
        trained.step(nothing)
    assert float(square.float().sum() / before) == pytest.approx(0.999**200, rel=0.03)


def test_without_its_optimiser_the_backward_pass_is_refused() -> None:
    layer = chunked(20)
    with pytest.raises(RuntimeError, match="optimizers"):
        layer.loss(torch.zeros(B, D), label_sets(20)).backward()


def test_a_loss_of_weights_that_have_changed_is_refused() -> None:
    trained, labels = Adams(chunked(20)), label_sets(20)
    first, second = (trained.layer.loss(trained.x, labels) for _ in range(2))
    first.backward(retain_graph=True)
    after = trained.layer.weight.detach().clone()
    for stale in (first, second):
        with pytest.raises(RuntimeError, match="have changed"):
            stale.backward()
    assert torch.equal(trained.layer.weight, after)


@pytest.mark.parametrize("label", [-1, 20])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    labels = Candidates(torch.tensor([label]), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"accepted: 0 … 19"):
        chunked(20).loss(torch.zeros(1, D), labels)


def test_second_derivatives_are_refused() -> None:
    trained = Adams(chunked(20))
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(trained.layer.loss(trained.x, label_sets(20)), trained.x, create_graph=True)


@pytest.mark.parametrize("wrong", [{"block": 0}, {"block": 4, "dtype": torch.float16}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="accepted"):
        ChunkedSoftmaxLinear(D, 10, generator=generator(), **wrong)


def test_stochastic_rounding_is_right_on_average() -> None:
    exact = torch.tensor([1.0, -0.3, 3e-20, 1.001, -7.77e5, 0.0])
    rounds = 40_000
    drawn = round_stochastically(exact.repeat(rounds, 1), generator(7)).double()
    low, high = drawn.amin(0), drawn.amax(0)
    assert (low <= exact).all()
    assert (exact <= high).all()
    assert torch.equal(low[[0, 5]], high[[0, 5]])  # what bfloat16 holds stays as it is
    error = (drawn.mean(0) - exact.double()).abs()
    assert (error <= 4.5 * (high - low) / 2 / rounds**0.5).all()  # a coin's deviation is at most half the gap
    assert ((high - low) / exact.abs().clamp_min(1e-30) < 2**-7).all()
