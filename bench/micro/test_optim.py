"""A step of RowAdam, beside torch's SparseAdam, on one batch's rows of 100,000."""

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Generator, Tensor
from torch.optim import Adam, SparseAdam

from bench.speed.roofs import ACTIVE
from mongoose.optim import RowAdam


def with_gradient(rows: Tensor, generator: Generator) -> Tensor:
    """A parameter of these rows, a gradient stored in ACTIVE of them."""
    param = torch.nn.Parameter(rows.clone())
    ids = torch.randperm(len(rows), generator=generator)[:ACTIVE].sort().values
    values = torch.randn(ACTIVE, rows.shape[1], generator=generator)
    param.grad = torch.sparse_coo_tensor(
        ids.unsqueeze(0), values, rows.shape, is_coalesced=True, check_invariants=False
    )
    return param


def test_row_adam(benchmark: BenchmarkFixture, backend: str, rows: Tensor) -> None:
    ours, dense = (with_gradient(rows, Generator().manual_seed(1)) for _ in range(2))
    assert dense.grad is not None
    dense.grad = dense.grad.to_dense()
    optimizer = RowAdam([ours])
    optimizer.step()
    Adam([dense]).step()  # whose first step leaves rows of zero gradient alone
    torch.testing.assert_close(ours.detach(), dense.detach(), rtol=1e-5, atol=1e-7)
    benchmark(optimizer.step)


def test_sparse_adam(benchmark: BenchmarkFixture, rows: Tensor, generator: Generator) -> None:
    benchmark(SparseAdam([with_gradient(rows, generator)]).step)
