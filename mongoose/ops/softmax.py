"""Multi-label softmax cross-entropy: over all classes, over an active set shared by the batch, over one a sample.

The target of a sample is uniform over its labels, as in the papers. A sample without labels has loss 0.
The sampled losses compute their gradients by the scores with their value, while the scores are at hand.
"""

from typing import Any

import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.native.arguments import given, given_sets, require
from mongoose.native.library import call, instance
from mongoose.ops.backend import multiplies_in_bfloat16, op

PAD = 512  # rows of the low-precision product, rounded up: oneDNN compiles a kernel for every new shape


def softmax_cross_entropy(logits: Tensor, labels: Candidates, log_inclusion: Tensor | None = None) -> Tensor:
    """Mean over samples of −Σ_y t_y log softmax(z)_y, t uniform over the sample's labels.

    Args:
        logits: [B, U] scores of U classes.
        labels: each sample's labels, as columns of `logits`.
        log_inclusion: [U] log-probability that a class entered the active set, or None. Given, −log_inclusion is added
            to the logits of a sample's negatives (not to its own labels), which makes the partition function an
            importance-weighted estimate of the full one (Jean et al. 2015; Bengio & Senécal 2008).

    Returns:
        Scalar.
    """
    sample, column = labels.samples, labels.ids
    own = logits[sample, column]
    if log_inclusion is not None:
        logits = (logits - log_inclusion).index_put((sample, column), own)
    target = 1.0 / labels.counts[sample].to(logits.dtype)
    log_partition = torch.logsumexp(logits, dim=1)
    return ((log_partition[sample] - own) * target).sum() / len(labels)


def shared_softmax_cross_entropy(
    x: Tensor, rows: Tensor, bias: Tensor, labels: Candidates, log_inclusion: Tensor | None = None
) -> Tensor:
    """`softmax_cross_entropy` of the scores x·rowsᵀ + bias of an active set that the batch shares.

    Args:
        x: [B, D] queries. rows: [U, D]. bias: [U]. labels, log_inclusion: as there.
    """
    low_precision = x.dtype == torch.float32 and multiplies_in_bfloat16(x.device)
    loss: Tensor
    loss, *_ = _shared_softmax.differentiated(x, rows, bias, labels.ids, labels.offsets, log_inclusion, low_precision)
    return loss


@op("shared_softmax")
def _shared_softmax(
    x: Tensor,
    rows: Tensor,
    bias: Tensor,
    columns: Tensor,
    offsets: Tensor,
    log_inclusion: Tensor | None,
    low_precision: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss, and its gradient by the scores as a matrix and what its columns are to be multiplied with.

    The products that remain are left to the backward pass, which knows the factor of the loss.

    Args:
        columns, offsets: ids and offsets of the labels. low_precision: the kernel multiplies in bfloat16, sums in
            float32; the definition rounds the matrix alone.

    Returns:
        Scalar; [U, B], a class a row: the products are faster so, and sums run along rows ([U', B] bfloat16 in low
        precision, U' as `_padded` has it); [B].
    """
    labels = Candidates(columns, offsets)
    own = (labels.samples, columns)
    logits = torch.addmm(bias, x, rows.t())
    loss = softmax_cross_entropy(logits, labels, log_inclusion)
    shifted = logits if log_inclusion is None else logits - log_inclusion
    largest = shifted.amax(1, keepdim=True) if len(rows) else logits.new_zeros(len(x), 1)
    weights = (shifted.index_put(own, logits[own]) - largest).exp()
    sums = weights.sum(1)
    share = sums[labels.samples] / labels.counts[labels.samples]
    scale = torch.where(labels.counts > 0, 1 / (sums * len(labels)), 0)
    scores = weights.index_put(own, weights[own] - share).t().contiguous()
    return loss, _padded(scores) if low_precision else scores, scale


@_shared_softmax.fake
def _shared_shapes(
    x: Tensor, rows: Tensor, bias: Tensor, columns: Tensor, offsets: Tensor, log_inclusion: Tensor | None, low: bool
) -> tuple[Tensor, Tensor, Tensor]:
    scores = x.new_empty(len(rows), len(x))
    return x.new_empty(()), _padded(scores) if low else scores, x.new_empty(len(x))


@_shared_softmax.kernel
def _shared_softmax_cpu(
    x: Tensor,
    rows: Tensor,
    bias: Tensor,
    columns: Tensor,
    offsets: Tensor,
    log_inclusion: Tensor | None,
    low_precision: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    x, rows = given("x", x, x.dtype, None, None), given("rows", rows, x.dtype, None, x.shape[1])
    bias = given("bias", bias, x.dtype, len(rows))
    columns, offsets = given_sets("labels", columns, offsets, len(rows), len(x))
    if log_inclusion is not None:
        log_inclusion = given("log_inclusion", log_inclusion.to(x.dtype), x.dtype, len(rows))
    scores = _padded(rows) @ x.bfloat16().t() if low_precision else rows @ x.t()
    scale, loss = x.new_empty(len(x)), torch.empty(1, dtype=torch.float64)
    kernel = instance("softmax_gradient", scores.dtype)
    call(kernel, len(rows), len(x), scores, bias, log_inclusion, columns, offsets, scale, loss)
    return loss[0].to(x.dtype), scores, scale


def _padded(rows: Tensor) -> Tensor:
    """In bfloat16, with zeros up to a multiple of PAD rows."""
    return torch.nn.functional.pad(rows.bfloat16(), (0, 0, 0, -len(rows) % PAD))


def _save_shared(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)  # or the engine makes zeros for the scores
    ctx.save_for_backward(*inputs[:2], *output[1:])
    ctx.mark_non_differentiable(*output[1:])


def _shared_gradients(ctx: Any, gradient: Tensor | None, *others: Tensor | None) -> tuple[Tensor | None, ...]:
    if gradient is None:
        return (None,) * len(ctx.needs_input_grad)
    if torch.is_grad_enabled():
        raise RuntimeError("the sampled softmax has no second derivatives; take gradients without create_graph=True.")
    x, rows, scores, scale = ctx.saved_tensors
    low_precision, scale = scores.dtype != x.dtype, scale * gradient
    of_x = of_rows = of_bias = None
    if ctx.needs_input_grad[0]:
        of_x = (scores.t() @ (_padded(rows) if low_precision else rows)).to(x.dtype).mul_(scale.unsqueeze(1))
    if ctx.needs_input_grad[1]:
        scaled = (x * scale.unsqueeze(1)).to(scores.dtype)
        of_rows = (scores @ scaled)[: len(rows)].to(x.dtype)
    if ctx.needs_input_grad[2]:
        of_bias = torch.mv(scores[: len(rows)], scale.to(scores.dtype)).to(x.dtype)
    return of_x, of_rows, of_bias, None, None, None, None


_shared_softmax.autograd(_save_shared, _shared_gradients)


def ragged_softmax_cross_entropy(logits: Tensor, pairs: Candidates, labels: Candidates) -> Tensor:
    """The same where every sample has its own active set.

    Args:
        logits: [nnz], one score a pair of `pairs`. pairs: active sets, which hold every label. labels: the labels.

    Returns:
        Scalar.

    Raises:
        ValueError: an active set lacks a label of its sample.
    """
    held = pairs.contains(labels.samples, labels.ids)
    many = labels.ids.numel()
    require(held.all(), lambda: f"active sets hold {int(held.sum())} of {many} labels; all are needed.")
    loss, _ = _ragged_softmax(logits, pairs.ids, pairs.offsets, labels.ids, labels.offsets)
    return loss


@op("ragged_softmax")
def _ragged_softmax(
    logits: Tensor, ids: Tensor, offsets: Tensor, label_ids: Tensor, label_offsets: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss and its gradient by the logits."""
    pairs, labels = Candidates(ids, offsets), Candidates(label_ids, label_offsets)
    sample = pairs.samples
    target = labels.contains(sample, ids) / labels.counts[sample].clamp_min(1).to(logits.dtype)
    largest = logits.new_full((len(pairs),), -torch.inf).scatter_reduce(0, sample, logits, "amax")
    weights = (logits - largest[sample]).exp()
    sums = torch.zeros_like(largest).index_add(0, sample, weights)
    labelled = labels.counts > 0
    log_partition = torch.where(labelled, sums.log() + largest, 0)
    loss = (log_partition.sum() - (logits * target).sum()) / len(labels)
    return loss, (weights / sums[sample] - target) * labelled[sample] / len(labels)


@_ragged_softmax.fake
def _ragged_shapes(logits: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return logits.new_empty(()), torch.empty_like(logits)


@_ragged_softmax.kernel
def _ragged_softmax_cpu(
    logits: Tensor, ids: Tensor, offsets: Tensor, label_ids: Tensor, label_offsets: Tensor
) -> tuple[Tensor, Tensor]:
    gradient, loss = logits.clone(memory_format=torch.contiguous_format), torch.empty(1, dtype=torch.float64)
    many = torch.iinfo(torch.int64).max
    pairs = given_sets("pairs", ids, offsets, many)
    sets = (*pairs, *given_sets("labels", label_ids, label_offsets, many, len(pairs[1]) - 1))
    given("logits", logits, logits.dtype, len(ids))
    call(instance("ragged_softmax", logits.dtype), offsets.numel() - 1, *sets, gradient, loss)
    return loss[0].to(logits.dtype), gradient


def _save_ragged(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1])
    ctx.mark_non_differentiable(output[1])


def _ragged_gradients(ctx: Any, gradient: Tensor | None, *others: Tensor | None) -> tuple[Tensor | None, ...]:
    return None if gradient is None else ctx.saved_tensors[0] * gradient, None, None, None, None


_ragged_softmax.autograd(_save_ragged, _ragged_gradients)
