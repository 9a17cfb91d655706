"""Gradients of the differentiable ops, on both backends."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.autograd import gradcheck

from mongoose.candidates import Candidates
from mongoose.ops.backend import using
from mongoose.ops.softmax import ragged_softmax_cross_entropy, shared_softmax_cross_entropy
from mongoose.ops.sparse_matmul import embedding_bag, gather_rows, sampled_matmul

IDS = torch.tensor([3, 7, 0, 1, 2, 36, 3, 5, 36])
OFFSETS = torch.tensor([0, 2, 2, 6, 9])
LABELS = Candidates(torch.tensor([3, 7, 1, 5, 36]), torch.tensor([0, 2, 2, 3, 5]))
N, D, B = 37, 8, 4


@pytest.fixture(params=["reference", "cpu"], autouse=True)
def each_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with using(request.param):
        yield


def leaf(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True)


def same_gradients(ours: Tensor, theirs: Tensor, leaves: tuple[Tensor, ...]) -> None:
    """Both differentiate alike under a random upstream gradient."""
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn(ours.shape, dtype=ours.dtype, generator=torch.Generator().manual_seed(9))
    for found, expected in zip(
        torch.autograd.grad(ours, leaves, upstream), torch.autograd.grad(theirs, leaves, upstream), strict=True
    ):
        torch.testing.assert_close(found.to_dense(), expected)


def test_embedding_bag() -> None:
    weight, values = leaf(N, D), leaf(len(IDS), seed=1)
    matrix = torch.zeros(B, N, dtype=torch.float64)
    samples = torch.repeat_interleave(OFFSETS.diff())
    theirs = matrix.index_put((samples, IDS), values, accumulate=True) @ weight
    same_gradients(embedding_bag(weight, IDS, values, OFFSETS), theirs, (weight, values))


def test_sampled_matmul() -> None:
    x, weight, bias = leaf(B, D), leaf(N, D, seed=1), leaf(N, seed=2)
    theirs = torch.addmm(bias, x, weight.t())[torch.repeat_interleave(OFFSETS.diff()), IDS]
    same_gradients(sampled_matmul(x, weight, IDS, OFFSETS, bias), theirs, (x, weight, bias))


def test_gather_rows() -> None:
    weight, ids = leaf(N, D), torch.tensor([0, 5, 36])
    same_gradients(gather_rows(weight, ids), weight[ids], (weight,))


@pytest.mark.parametrize("corrected", [False, True])
def test_shared_softmax(corrected: bool) -> None:
    log_inclusion = -torch.rand(N, dtype=torch.float64) if corrected else None
    leaves = (leaf(B, D), leaf(N, D, seed=1), leaf(N, seed=2))
    assert gradcheck(lambda *given: shared_softmax_cross_entropy(*given, LABELS, log_inclusion), leaves)


def test_ragged_softmax() -> None:
    pairs = LABELS.union(Candidates(IDS.clone(), OFFSETS))
    pairs = Candidates.from_pairs(pairs.samples, pairs.ids, B)
    assert gradcheck(lambda z: ragged_softmax_cross_entropy(z, pairs, LABELS), (leaf(len(pairs.ids)),))


def test_row_sparse_gradients_hold_the_named_rows_only() -> None:
    weight, values = leaf(N, D), torch.ones(len(IDS), dtype=torch.float64)
    embedding_bag(weight, IDS, values, OFFSETS).sum().backward()
    assert weight.grad is not None
    assert weight.grad.coalesce().indices()[0].tolist() == sorted(set(IDS.tolist()))


@pytest.mark.parametrize("rows", [5, 512, 700])
def test_the_low_precision_softmax_is_as_close_as_bfloat16_allows(rows: int) -> None:
    """The form that processors with matrix tiles run; here its products are as slow as any, and as exact."""
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(64, 128, generator=generator), torch.randn(rows, 128, generator=generator) / 8
    labels = Candidates.from_pairs(torch.arange(64), torch.arange(64) % rows, 64)
    results = []
    for products in ("bfloat16", "float32"):
        leaves = [t.clone().requires_grad_() for t in (x, weight, torch.zeros(rows))]
        with using("cpu", products=products):  # type: ignore[arg-type]
            loss = shared_softmax_cross_entropy(*leaves, labels)
        loss.backward()
        results.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    for found, expected in zip(*results, strict=True):
        assert 0 < float((found - expected).norm() / expected.norm()) < 2e-2


def test_the_shared_softmax_computes_the_gradients_that_are_asked_for() -> None:
    x, rows, bias = leaf(B, D), leaf(N, D, seed=1), leaf(N, seed=2)
    whole = torch.autograd.grad(shared_softmax_cross_entropy(x, rows, bias, LABELS), (x, rows, bias))
    for place, wanted in enumerate((x, rows, bias)):
        leaves = [t if t is wanted else t.detach() for t in (x, rows, bias)]
        (found,) = torch.autograd.grad(shared_softmax_cross_entropy(*leaves, LABELS), wanted)
        torch.testing.assert_close(found, whole[place])


def test_an_op_called_directly_is_the_op_and_leaves_no_trace() -> None:
    x, rows = leaf(B, D), leaf(N, D, seed=1)
    direct = sampled_matmul.direct(x, rows, IDS, OFFSETS)
    torch.testing.assert_close(direct, sampled_matmul(x, rows, IDS, OFFSETS).detach())
    assert not direct.requires_grad
    with FakeTensorMode() as mode:
        fake = sampled_matmul.direct(*map(mode.from_tensor, (x, rows, IDS, OFFSETS)))
    assert isinstance(fake, FakeTensor)
    assert fake.shape == direct.shape


def test_an_op_called_directly_is_differentiated_where_asked() -> None:
    weight, values = leaf(N, D), leaf(len(IDS), seed=1)
    matrix = torch.zeros(B, N, dtype=torch.float64)
    theirs = matrix.index_put((torch.repeat_interleave(OFFSETS.diff()), IDS), values, accumulate=True) @ weight
    same_gradients(embedding_bag.differentiated(weight, IDS, values, OFFSETS), theirs, (weight, values))
    with FakeTensorMode() as mode:
        fake = embedding_bag.differentiated(*map(mode.from_tensor, (weight, IDS, values, OFFSETS)))
    assert isinstance(fake, FakeTensor)


def test_second_derivatives_of_the_shared_softmax_are_refused() -> None:
    x, rows, bias = leaf(B, D), leaf(N, D, seed=1), leaf(N, seed=2)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        torch.autograd.grad(shared_softmax_cross_entropy(x, rows, bias, LABELS), x, create_graph=True)
