"""RowAdam against torch's own optimizers."""

import pytest
import torch
from torch import nn

from mongoose.ops.sparse_matmul import gather_rows
from mongoose.optim import RowAdam


def sparse(ids: list[int], values: torch.Tensor, rows: int) -> torch.Tensor:
    return torch.sparse_coo_tensor(torch.tensor([ids]), values, (rows, *values.shape[1:]), check_invariants=True)


def test_row_sparse_steps_equal_sparse_adam() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(9, 4, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = [RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)]
    for ids in ([0, 3], [3, 8, 3], [1], [0, 8]):
        values = torch.randn(len(ids), 4, generator=generator)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = sparse(ids, values, 9)
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("shape", [(7,), (7, 3)])
def test_dense_steps_equal_adam(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = [RowAdam([ours], lr=0.1), torch.optim.Adam([theirs], lr=0.1)]
    for _ in range(5):
        gradient = torch.randn(shape, generator=generator)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_gradients_of_rows_tell_that_they_ascend() -> None:
    """As autograd stores a gradient, it would not say so; a sum with one whose rows do not ascend says nothing."""
    parameter = nn.Parameter(torch.randn(6, 2))
    RowAdam([parameter])
    for before in (None, sparse([4, 1, 4], torch.zeros(3, 2), 6)):
        parameter.grad = before
        gather_rows(parameter, torch.tensor([1, 4])).square().sum().backward()
        assert parameter.grad is not None
        assert parameter.grad.is_coalesced() == (before is None)
        assert torch.equal(parameter.grad.to_dense()[[1, 4]], 2 * parameter.detach()[[1, 4]])


@pytest.mark.parametrize("again", [[1, 4], [0, 4, 5]])
def test_gradients_of_several_passes_add_up(again: list[int]) -> None:
    start = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = [RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)]
    for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
        parameter.grad = sparse([4, 1, 4], torch.ones(3, 2), 6)
        for ids in ([1, 4], again):
            gather_rows(parameter, torch.tensor(ids)).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_rows_without_a_gradient_stay_bit_for_bit() -> None:
    parameter = nn.Parameter(torch.randn(6, 2))
    before = parameter.detach().clone()
    parameter.grad = sparse([2], torch.ones(1, 2), 6)
    RowAdam([parameter]).step()
    changed = (parameter.detach() != before).any(1).nonzero().flatten().tolist()
    assert changed == [2]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="betas"):
        RowAdam([nn.Parameter(torch.zeros(1))], betas=(1.0, 0.9))
