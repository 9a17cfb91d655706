"""Products with the rows of a large matrix that a ragged set of ids names, and their row-sparse gradients.

Three ops; the gradients of the first two are made of the three. With S the [B, N] sparse matrix that has `values` at
the pairs (b, id), `embedding_bag` is S @ weight, `sampled_matmul` the entries of x @ weightᵀ at the pairs of S (SDDMM),
`scatter_rows` the non-zero rows of Sᵀ @ x.
"""

from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_sets, optional, trusted
from mongoose.native.library import call, count, instance
from mongoose.ops.backend import Op, op

P = ParamSpec("P")
R = TypeVar("R")


@op("embedding_bag")
def embedding_bag(weight: Tensor, ids: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    """Weighted sums of rows, Σ_j values_j · weight[ids_j] over the entries j of each sample.

    Args:
        weight: [N, D]. ids: [nnz] int64 in [0, N). values: [nnz]. offsets: [B + 1] int64, sample b owns the entries
            offsets[b] … offsets[b + 1] − 1.

    Returns:
        [B, D]. The gradient of `weight` is a sparse tensor that holds the named rows only.
    """
    sums = weight.new_zeros(offsets.numel() - 1, weight.shape[1])
    return sums.index_add_(0, _samples(offsets), values.unsqueeze(1) * weight[ids])


@op("sampled_matmul")
def sampled_matmul(x: Tensor, weight: Tensor, ids: Tensor, offsets: Tensor, bias: Tensor | None = None) -> Tensor:
    """Inner products x_b · weight[id] at the pairs (b, id) of a ragged set (sampled dense-dense product, SDDMM).

    Args:
        x: [B, D]. weight: [N, D]. ids, offsets: as in `embedding_bag`. bias: [N], added, or None.

    Returns:
        [nnz], in the order of `ids`. Gradients of `weight` and `bias` are sparse tensors that hold the named rows only.
    """
    products = (x[_samples(offsets)] * weight[ids]).sum(1)
    return products if bias is None else products + bias[ids]


@op("scatter_rows")
def scatter_rows(x: Tensor, ids: Tensor, values: Tensor, offsets: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    """Row i is Σ values_j · x_b over the entries j = (b, i) that name i, for the rows that are named.

    Args:
        x: [B, D]. ids, values, offsets: as in `embedding_bag`. num_rows: N.

    Returns:
        rows [U] int64, ascending and distinct, and their sums [U, D].
    """
    rows, position = torch.unique(ids, return_inverse=True)
    sums = x.new_zeros(len(rows), x.shape[1])
    return rows, sums.index_add_(0, position, values.unsqueeze(1) * x[_samples(offsets)])


def _samples(offsets: Tensor) -> Tensor:
    samples: Tensor = torch.repeat_interleave(offsets.diff())
    return samples


def row_sparse(rows: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    """The sparse tensor that has `values` [U, …] at `rows` [U] int64, ascending and distinct."""
    return torch.sparse_coo_tensor(rows.unsqueeze(0), values, shape, is_coalesced=True, check_invariants=False)


@embedding_bag.fake
def _bag_shape(weight: Tensor, ids: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    return weight.new_empty(offsets.numel() - 1, weight.shape[1])


@sampled_matmul.fake
def _pairs_shape(x: Tensor, weight: Tensor, ids: Tensor, offsets: Tensor, bias: Tensor | None = None) -> Tensor:
    return x.new_empty(ids.shape)


@scatter_rows.fake
def _rows_shape(x: Tensor, ids: Tensor, values: Tensor, offsets: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    found = torch.library.get_ctx().new_dynamic_size()
    return ids.new_empty(found), x.new_empty(found, x.shape[1])


@embedding_bag.kernel
def _embedding_bag_cpu(weight: Tensor, ids: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
    weight = given("weight", weight, weight.dtype, None, None)
    ids, offsets = given_sets("bags", ids, offsets, len(weight))
    values = given("values", values, weight.dtype, len(ids))
    sums = weight.new_empty(offsets.numel() - 1, weight.shape[1])
    call(instance("embedding_bag", weight.dtype), *sums.shape, weight, ids, values, offsets, sums)
    return sums


@sampled_matmul.kernel
def _sampled_matmul_cpu(x: Tensor, weight: Tensor, ids: Tensor, offsets: Tensor, bias: Tensor | None = None) -> Tensor:
    x = given("x", x, x.dtype, None, None)
    weight = given("weight", weight, x.dtype, None, x.shape[1])
    ids, offsets = given_sets("pairs", ids, offsets, len(weight), len(x))
    bias = optional("bias", bias, x.dtype, len(weight))
    products = x.new_empty(ids.shape)
    call(instance("sampled_matmul", x.dtype), *x.shape, x, weight, ids, offsets, bias, products)
    return products


@scatter_rows.kernel
def _scatter_rows_cpu(x: Tensor, ids: Tensor, values: Tensor, offsets: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    x = given("x", x, x.dtype, None, None)
    ids, offsets = given_sets("entries", ids, offsets, num_rows, len(x))
    values = given("values", values, x.dtype, len(ids))
    rows, start = torch.empty_like(ids), torch.empty(ids.numel() + 1, dtype=torch.int64)
    entries = torch.empty_like(ids)
    size = count("group_entries", len(ids), num_rows, ids, rows, start, entries)
    sums = x.new_empty(size, x.shape[1])
    call(instance("scatter_rows", x.dtype), size, *x.shape, x, values, offsets, start, entries, sums)
    return rows[:size], sums


def _backward(run: Op[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """An op in a backward pass, on a set that the forward pass has checked; nothing differentiates it as a rule."""
    with trusted():
        return run(*args, **kwargs) if torch.is_grad_enabled() else run.direct(*args, **kwargs)


def _save_bag(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _bag_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
    weight, ids, values, offsets = ctx.saved_tensors
    of_weight = of_values = None
    if ctx.needs_input_grad[0]:
        of_weight = row_sparse(*_backward(scatter_rows, gradient, ids, values, offsets, len(weight)), weight.shape)
    if ctx.needs_input_grad[2]:
        of_values = _backward(sampled_matmul, gradient, weight, ids, offsets)
    return of_weight, None, of_values, None


def _save_pairs(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])


def _pairs_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, Tensor | None]:
    x, weight, ids, offsets = ctx.saved_tensors
    of_x = of_weight = of_bias = None
    if ctx.needs_input_grad[0]:
        of_x = _backward(embedding_bag, weight, ids, gradient, offsets)
    if ctx.needs_input_grad[1]:
        of_weight = row_sparse(*_backward(scatter_rows, x, ids, gradient, offsets, len(weight)), weight.shape)
    if len(ctx.needs_input_grad) > 4 and ctx.needs_input_grad[4]:
        rows, sums = _backward(scatter_rows, x.new_ones(len(x), 1), ids, gradient, offsets, len(weight))
        of_bias = row_sparse(rows, sums.squeeze(1), weight.shape[:1])
    return of_x, of_weight, None, None, of_bias


embedding_bag.autograd(_save_bag, _bag_gradients)
sampled_matmul.autograd(_save_pairs, _pairs_gradients)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape = weight.shape
        return weight.index_select(0, ids)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        return row_sparse(ids, gradients[0], ctx.shape), None


def gather_rows(weight: Tensor, ids: Tensor) -> Tensor:
    """`weight[ids]`, whose gradient is a sparse tensor that holds only those rows.

    Args:
        weight: [N, …]. ids: [U] int64, ascending and without repeats (checked nowhere: the caller sorts).
    """
    gathered: Tensor = _GatherRows.apply(weight, ids)  # type: ignore[no-untyped-call]
    return gathered
