"""Adam for row-sparse gradients."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from mongoose.native.arguments import trusted
from mongoose.ops.adam import row_adam

SecondMoment = Literal["element", "row"]


class RowAdam(Optimizer):
    """Adam that reads and writes only the rows in which a gradient is stored.

    Moments of other rows do not decay (lazy moments). A gradient that is dense stores every row.

    Args:
        params: parameters whose first dimension is rows, or groups of them. lr, betas, eps: as in torch.optim.Adam.
        weight_decay: decoupled, as in torch.optim.AdamW; a row decays only in the steps that touch it.
        second_moment: "element", as in Adam; or "row", one number a row, which saves a third of the memory of
            parameters and moments.
        bias_correction: by the steps of the optimizer ("step"), or by those that touched the row ("row").

    Source: Kingma & Ba 2015; lazy as in MONGOOSE's adam_base.Adam and torch.optim.SparseAdam; one second moment a row
    as in row-wise Adagrad (Gupta et al. 2014).
    Differs from SparseAdam: one pass over memory, vectors (a bias) are rows of one number.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        second_moment: SecondMoment = "element",
        bias_correction: Literal["step", "row"] = "step",
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"lr={lr}, betas={betas}, eps={eps}, weight_decay={weight_decay}; "
                "accepted: numbers ≥ 0, betas in [0, 1)."
            )
        if second_moment not in ("element", "row") or bias_correction not in ("step", "row"):
            raise ValueError(
                f"second_moment={second_moment!r}, bias_correction={bias_correction!r}; "
                "accepted: 'element' or 'row', 'step' or 'row'."
            )
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings | {"second_moment": second_moment, "bias_correction": bias_correction})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        for param in self.param_groups[-1]["params"]:
            if param.requires_grad:
                keep_coalesced(param)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for param, state in self.state.items():  # torch leaves what is called "step" where it was saved
            state["step"] = state["step"].to(param.device)

    def _update(self, param: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param] or self._start(param, group)
        rows, gradient = stored_rows(param.grad)
        moments = _matrix(state["exp_avg"]), state["exp_avg_sq"]
        settings = group["lr"], *group["betas"], group["eps"], group["weight_decay"]
        with trusted():  # rows of a gradient are rows of the parameter
            row_adam.direct(_matrix(param), *moments, _matrix(gradient), rows, state["step"], *settings)
        torch.autograd.graph.increment_version(param)

    def _start(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        matrix = _matrix(param)
        by_row = group["second_moment"] == "row"
        self.state[param] = {
            "step": param.new_zeros(len(param) if group["bias_correction"] == "row" else 1, dtype=torch.int64),
            "exp_avg": torch.zeros_like(param),
            "exp_avg_sq": torch.zeros_like(matrix[:, 0] if by_row else matrix),
        }
        state: dict[str, Any] = self.state[param]
        return state


def _matrix(values: Tensor) -> Tensor:
    """The same numbers, a row a row."""
    if values.dim() == 2:
        return values
    return values.view(len(values), -1) if values.numel() else values.view(len(values), 1)


def keep_coalesced(param: Tensor) -> None:
    """Let gradients of a parameter tell, as `is_coalesced`, that their rows ascend, which autograd forgets.

    A gradient that is the sum of several backward passes tells what torch says of the sum.
    """
    ascends = False

    def note(gradient: Tensor | None) -> None:
        nonlocal ascends
        ascends = gradient is not None and gradient.is_sparse and gradient.is_coalesced() and param.grad is None

    def keep(param: Tensor) -> None:
        if ascends and param.grad is not None:
            param.grad._coalesced_(True)

    param.register_hook(note)
    param.register_post_accumulate_grad_hook(keep)


def stored_rows(gradient: Tensor | None) -> tuple[Tensor | None, Tensor]:
    """The rows that a gradient stores: ids [m] int64, ascending and distinct (None: all), and values [m, …]."""
    assert gradient is not None
    if gradient.layout is not torch.sparse_coo:
        return None, gradient
    gradient = gradient.coalesce()  # itself, where its rows are known to ascend
    return gradient._indices()[0], gradient._values()
