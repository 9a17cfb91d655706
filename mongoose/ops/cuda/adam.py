"""Steps of Adam on CUDA kernels."""

import math

from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given_ids
from mongoose.ops.adam import row_adam


@row_adam.cuda
def _row_adam(
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
    rows = None if rows is None else given_ids("rows", rows, len(param))
    if steps.numel() == 1 or rows is None:
        steps += 1
    else:
        steps[rows] += 1
    log_beta1, log_beta2 = (math.log(beta) if beta else -math.inf for beta in (beta1, beta2))
    launch(
        "row_adam" if square.dim() == 2 else "row_adam_rowwise",
        param=param,
        mean=mean,
        square=square,
        gradient=gradient.contiguous(),
        rows=rows,
        steps=steps,
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        log_beta1=log_beta1,
        log_beta2=log_beta2,
        eps=eps,
        decay=weight_decay,
    )
