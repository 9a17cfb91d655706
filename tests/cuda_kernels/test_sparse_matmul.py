"""Products with named rows: kernels against their definitions, outputs and gradients."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.launch import launch
from mongoose.ops.backend import Op, using
from mongoose.ops.sparse_matmul import embedding_bag, sampled_matmul, scatter_rows

Both = Callable[..., tuple[Any, Any]]
SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
OPS: list[Op[..., Any]] = [embedding_bag, sampled_matmul, scatter_rows]
N, D = 37, 13


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def ragged(entries: int, seed: int = 0) -> tuple[Tensor, Tensor, int]:
    """ids, offsets and the number of samples; some samples own nothing, the last among them."""
    generator = Generator().manual_seed(seed)
    samples = entries // 7 + 2
    cuts = torch.randint(0, entries + 1, (samples - 2,), generator=generator).sort().values
    offsets = torch.cat([torch.tensor([0]), cuts, torch.tensor([entries, entries])])
    return torch.randint(0, N, (entries,), generator=generator), offsets, samples


def arguments(op: Op[..., Any], entries: int, dtype: torch.dtype, dim: int = D) -> tuple[Any, ...]:
    ids, offsets, samples = ragged(entries)
    x, weight = normal(samples, dim).to(dtype), normal(N, dim, seed=1).to(dtype)
    values = normal(entries, seed=2).to(dtype)
    return {
        embedding_bag: (weight, ids, values, offsets),
        sampled_matmul: (x, weight, ids, offsets, normal(N, seed=3).to(dtype)),
        scatter_rows: (x, ids, values, offsets, N),
    }[op]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("entries", SIZES)
@pytest.mark.parametrize("op", OPS, ids=["bag", "pairs", "rows"])
def test_products_are_those_of_the_definition(both: Both, op: Op[..., Any], entries: int, dtype: torch.dtype) -> None:
    reference, kernel = both(op, *arguments(op, entries, dtype))
    torch.testing.assert_close(kernel, reference)


@pytest.mark.parametrize("dim", [1, 31, 32, 33, 127])
@pytest.mark.parametrize("op", OPS, ids=["bag", "pairs", "rows"])
def test_rows_of_any_length(both: Both, op: Op[..., Any], dim: int) -> None:
    reference, kernel = both(op, *arguments(op, 33, torch.float64, dim))
    torch.testing.assert_close(kernel, reference)


def test_rows_may_lie_apart_and_a_bias_may_be_missing(both: Both) -> None:
    x, weight, ids, offsets, _ = arguments(sampled_matmul, 33, torch.float32)
    reference, kernel = both(sampled_matmul, x.t().contiguous().t(), weight.repeat(1, 2)[:, :D], ids, offsets)
    torch.testing.assert_close(kernel, reference)


@pytest.mark.parametrize("op", OPS, ids=["bag", "pairs", "rows"])
def test_bfloat16_is_the_definition_in_float_rounded_once(both: Both, op: Op[..., Any]) -> None:
    given = arguments(op, 127, torch.bfloat16, 33)
    _, kernel = both(op, *given)
    with using("reference"):
        exact = op(*(t.float() if isinstance(t, Tensor) and t.is_floating_point() else t for t in given))
    found, expected = (result[1] if isinstance(result, tuple) else result for result in (kernel, exact))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=2**-8, atol=1e-5)


@pytest.mark.parametrize("entries", SIZES)
@pytest.mark.parametrize("op", [embedding_bag, sampled_matmul], ids=["bag", "pairs"])
def test_gradients_are_those_of_the_definition(device: torch.device, op: Op[..., Any], entries: int) -> None:
    def gradients(where: str) -> list[Tensor]:
        given = [t.to(where) for t in arguments(op, entries, torch.float64)]
        leaves = [t.requires_grad_() for t in given if t.is_floating_point()]
        products = op(*given)
        found = torch.autograd.grad(products, leaves, normal(*products.shape, seed=5).to(where))
        return [gradient.to_dense().cpu() for gradient in found]

    found = gradients(str(device))
    with using("reference"):
        torch.testing.assert_close(found, gradients("cpu"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("entries", SIZES)
def test_sums_by_atomics_are_those_of_the_definition(device: torch.device, entries: int, dtype: torch.dtype) -> None:
    x, ids, values, offsets, _ = arguments(scatter_rows, entries, dtype)
    rows, positions = torch.unique(ids, return_inverse=True)
    sums = torch.zeros(len(rows), D, dtype=dtype, device=device)
    samples = torch.repeat_interleave(offsets.diff())
    given = {"x": x, "values": values, "samples": samples, "positions": positions}
    launch("scatter_atomic", **{name: t.to(device) for name, t in given.items()}, sums=sums)
    torch.testing.assert_close(sums.cpu(), scatter_rows.reference(x, ids, values, offsets, N)[1])
