"""Adam for row-sparse gradients."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class RowAdam(Optimizer):
    """Adam that reads and writes only the rows in which a gradient is stored.

    Moments of other rows do not decay (lazy moments); the bias correction counts steps of the optimizer. A gradient
    that is dense stores every row.

    Args:
        params: parameters whose first dimension is rows. lr, betas, eps: as in torch.optim.Adam.

    Source: Kingma & Ba 2015; lazy as in MONGOOSE's adam_base.Adam and torch.optim.SparseAdam.
    Differs from SparseAdam: one gather and one scatter a state, vectors (a bias) are rows of one number.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        if lr < 0 or eps < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"lr={lr}, betas={betas}, eps={eps}; accepted: lr ≥ 0, eps ≥ 0, betas in [0, 1).")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, group)
        return loss

    def _update(self, param: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(param), exp_avg_sq=torch.zeros_like(param))
        state["step"] += 1
        rows, gradient = stored_rows(param.grad)
        beta1, beta2 = group["betas"]
        mean = state["exp_avg"][rows].lerp_(gradient, 1 - beta1)
        square = state["exp_avg_sq"][rows].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        state["exp_avg"][rows] = mean
        state["exp_avg_sq"][rows] = square
        scale = (1 - beta2 ** state["step"]) ** 0.5
        step_size = group["lr"] * scale / (1 - beta1 ** state["step"])
        param[rows] -= mean.div_(square.sqrt_().add_(group["eps"] * scale)).mul_(step_size)


def stored_rows(gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """The rows that a gradient stores: ids [m] int64, ascending and distinct, and values [m, …]."""
    assert gradient is not None
    if gradient.layout is torch.sparse_coo:
        gradient = gradient.coalesce()
        return gradient.indices()[0], gradient.values()
    return torch.arange(len(gradient), device=gradient.device), gradient
