"""Ops that hash functions learn by, and those of rows and their copies: on CPUs they run as defined, here by hand."""

from itertools import product

import pytest
import torch
from torch import Generator, Tensor
from torch.library import opcheck

from mongoose.hashing.simhash import draw_planes
from mongoose.ops.backend import Op, op, using
from mongoose.ops.copies import compare_copies
from mongoose.ops.pair_losses import _bit_triplet, _contrastive, bit_triplet, contrastive
from mongoose.ops.pairs import pairs_below
from mongoose.ops.sparse_simhash import entries_of, sparse_simhash

SIZES = [0, 1, 31, 32, 33, 127]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def whole(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(-2, 3, shape, generator=Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("bias", [whole(37, seed=4), None], ids=["biased", "unbiased"])
@pytest.mark.parametrize("pairs", SIZES)
def test_pairs_below_a_limit(pairs: int, bias: Tensor | None) -> None:
    x, weight, limit = whole(9, 5), whole(37, 5, seed=1), whole(9, seed=2)
    samples, ids = (torch.randint(n, (pairs,), generator=Generator().manual_seed(n)) for n in (9, 37))
    scores = (x @ weight.t() + (0 if bias is None else bias)).tolist()
    listed = enumerate(zip(samples.tolist(), ids.tolist(), strict=True))
    expected = [at for at, (b, i) in listed if scores[b][i] < float(limit[b])]
    assert pairs_below(x, weight, bias, samples, ids, limit).tolist() == expected


@pytest.mark.parametrize("rows", SIZES)
def test_rows_far_from_their_copies(rows: int) -> None:
    weight, held = whole(200, 3), whole(200, 3, seed=1)
    weight[7] = torch.nan
    ids = torch.randperm(200, generator=Generator().manual_seed(2))[:rows]
    for limit in (whole(1) + 4, whole(200, seed=3)):
        moved, far = compare_copies(weight, held, ids, limit)
        every = [float((weight[i] - held[i]).square().sum().sqrt()) for i in ids]
        torch.testing.assert_close(moved, torch.tensor(every, dtype=torch.float64), equal_nan=True)
        limits = limit.expand(200)[ids].tolist()
        assert far.tolist() == [at for at in range(rows) if not every[at] < limits[at]]


def test_lists_of_sparse_planes_are_the_planes() -> None:
    planes = draw_planes(13, 6, "sparse", Generator().manual_seed(0))
    made = torch.zeros_like(planes)
    for s, p in product(range(5), range(6)):
        entry = int(entries_of(planes)[s, p])
        made[entry if entry >= 0 else -1 - entry, p] = 1 if entry >= 0 else -1
    assert torch.equal(made, planes)
    assert entries_of(planes).shape == (5, 6)  # ⌈13/3⌉ coordinates a plane
    with pytest.raises(ValueError, match=r"1 … 2 entries a plane"):
        entries_of(torch.tensor([[1.0, 1.0], [0.0, -1.0]]))


def test_rows_to_contrast_with_are_needed() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        contrastive(normal(2, 3, 4), normal(2, 3, 4), normal(0, 3, 4), 1.0, 1.0)


def test_second_derivatives_are_refused() -> None:
    four = [normal(2, 3, 4, seed=seed).requires_grad_() for seed in range(4)]
    for loss in (bit_triplet(*four, 1.0, 0.5), contrastive(*four[:3], 1.0, 1.0)):
        with pytest.raises(RuntimeError, match="no second derivatives"):
            torch.autograd.grad(loss, four[:1], create_graph=True)


def test_only_gradients_that_are_asked_for_are_computed() -> None:
    a, p, r = (normal(5, 3, 4, seed=seed) for seed in range(3))
    whole_ = torch.autograd.grad(contrastive(*(t.requires_grad_() for t in (a, p, r)), 1.0, 1.0), (a, p, r))
    for place, wanted in enumerate((a, p, r)):
        given = [t if t is wanted else t.detach() for t in (a, p, r)]
        (found,) = torch.autograd.grad(contrastive(*given, 1.0, 1.0), wanted)
        assert torch.equal(found, whole_[place])


def sparse_case() -> list[object]:
    planes = draw_planes(7, 12, "sparse", Generator().manual_seed(0)).double()
    return [whole(33, 7), planes, entries_of(planes), 3, whole(12, seed=1)]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("transposed", [False, True])
def test_torch_accepts_the_ops(backend: str, transposed: bool) -> None:
    lay_out = (lambda t: t.transpose(0, 2).contiguous().transpose(0, 2)) if transposed else (lambda t: t)
    four = [lay_out(normal(5, 3, 4, seed=seed)).requires_grad_() for seed in range(4)]
    ids = torch.arange(4)
    with using(backend):  # type: ignore[arg-type]
        opcheck(_bit_triplet.torch_op, (*four, 0.7, 0.1))
        opcheck(_contrastive.torch_op, (*four[:3], 0.7, 1.3))
        opcheck(pairs_below.torch_op, (whole(4, 5), whole(9, 5), None, ids, ids, whole(4, seed=2)))
        opcheck(compare_copies.torch_op, (whole(9, 5), whole(9, 5, seed=1), ids, whole(1)))
        opcheck(sparse_simhash.torch_op, tuple(sparse_case()))


def test_an_op_without_any_kernel_runs_as_defined_on_every_backend() -> None:
    @op("test_doubled")
    def doubled(x: Tensor) -> Tensor:
        """A composition of torch's ops."""
        return 2 * x

    assert isinstance(doubled, Op)
    for backend in ("reference", "cpu", "emulated"):
        with using(backend):  # type: ignore[arg-type]
            assert doubled(torch.tensor(3)) == 6
