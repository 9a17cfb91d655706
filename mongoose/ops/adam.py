"""One step of Adam on some rows of a parameter."""

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_ids
from mongoose.native.library import call, instance
from mongoose.ops.backend import op


@op("row_adam", mutates=("param", "mean", "square", "steps"))
def row_adam(
    param: Tensor,
    mean: Tensor,
    square: Tensor,
    gradient: Tensor,
    rows: Tensor | None,
    steps: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """Change the given rows of `param`, `mean` and `square` in place; the others are neither read nor written.

    Args:
        param, mean: [N, D], the parameter and its first moment.
        square: the second moment, [N, D]; or [N]: one number a row, of the mean square of the row's gradient.
        gradient: [U, D], of the rows. rows: [U] int64, distinct; None: all, in order.
        steps: int64 [1], the number of steps before this one, for bias correction; or [N], of each row for itself.
            Counted up.
        weight_decay: decoupled: a touched row shrinks by lr·weight_decay.

    Source: Kingma & Ba 2015, Algorithm 1; Loshchilov & Hutter 2019 for the decay.
    """
    rows = torch.arange(len(param), device=param.device) if rows is None else rows
    if steps.numel() == 1:
        steps += 1
        step = steps.double()
    else:
        steps[rows] += 1
        step = steps[rows].unsqueeze(1).double()
    squared = gradient.square() if square.dim() == 2 else gradient.square().mean(1)
    first = mean[rows].lerp_(gradient, 1 - beta1)
    second = square[rows].mul_(beta2).add_(squared, alpha=1 - beta2)
    mean[rows] = first
    square[rows] = second
    correction1, correction2 = ((1 - beta**step).to(param.dtype) for beta in (beta1, beta2))
    root = (second if square.dim() == 2 else second.unsqueeze(1)).div(correction2).sqrt_().add_(eps)
    param[rows] = param[rows] * (1 - lr * weight_decay) - lr * (first / correction1) / root


@row_adam.fake
def _nothing(*args: object) -> None:
    return None


@row_adam.kernel
def _row_adam_cpu(
    param: Tensor,
    mean: Tensor,
    square: Tensor,
    gradient: Tensor,
    rows: Tensor | None,
    steps: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    shape, dtype = param.shape, param.dtype
    rows = None if rows is None else given_ids("rows", rows, len(param))
    gradient = given("gradient", gradient, dtype, len(param) if rows is None else len(rows), shape[1])
    given("mean", mean, dtype, *shape)
    given("square", square, dtype, *shape[: square.dim()])
    per_row = int(steps.numel() != 1)
    given("steps", steps, torch.int64, len(param) if per_row else 1)
    if not per_row:
        steps += 1
    call(
        instance("row_adam" if square.dim() == 2 else "row_adam_rowwise", param.dtype),
        *gradient.shape,
        param,
        mean,
        square,
        gradient,
        rows,
        steps,
        per_row,
        *map(float, (lr, beta1, beta2, eps, weight_decay)),
    )
