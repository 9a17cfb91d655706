"""Full softmax whose logits and gradients exist for one block of classes at a time: dense training in little memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn

from mongoose.candidates import Candidates
from mongoose.nn.linear import OutputLayer
from mongoose.ops.adam import row_adam
from mongoose.ops.topk import topk_rows
from mongoose.optim import RowAdam, SecondMoment
from mongoose.rounding import round_stochastically

DTYPES = (torch.float32, torch.bfloat16)


class BlockAdam(RowAdam):
    """Adam that is handed gradients a block of rows at a time, in the backward pass; `step` finds nothing left to do.

    What is stored in bfloat16 is widened a block at a time, and rounded back: at random the parameter and its second
    moment, to the nearest the first moment, a tenth of which is new at every step.

    Args:
        params: of the output layer. lr, second_moment: as in RowAdam. generator: the source of the roundings.
    """

    def __init__(self, params: list[Tensor], lr: float, *, second_moment: SecondMoment, generator: Generator) -> None:
        super().__init__(params, lr, second_moment=second_moment)
        self.generator = generator

    @torch.no_grad()
    def step_rows(self, param: Tensor, rows: slice, gradient: Tensor) -> None:
        """Some rows take their step; once all have, `end_step` counts it. gradient: of these rows."""
        group = self.param_groups[0]
        state = self.state[param] or self._start(param, group)
        stored = [values[rows] for values in (param, state["exp_avg"], state["exp_avg_sq"])]
        beta1, beta2 = group["betas"]
        work = [values.to(gradient.dtype) for values in stored]  # the same memory, if that is how they are stored
        row_adam.direct(
            work[0].view(len(gradient), -1),
            work[1].view(len(gradient), -1),
            work[2],
            gradient.view(len(gradient), -1),
            None,
            state["step"].clone(),
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
        )
        if stored[0].dtype is torch.bfloat16:
            stored[0].copy_(round_stochastically(work[0], self.generator))
            stored[1].copy_(work[1])
            stored[2].copy_(round_stochastically(work[2], self.generator))

    def end_step(self) -> None:
        """Every row has taken its step."""
        for param in self.param_groups[0]["params"]:
            self.state[param]["step"] += 1
            torch.autograd.graph.increment_version(param)


class ChunkedSoftmaxLinear(OutputLayer):
    """Softmax over all N classes, exact, without a [B, N] matrix of logits or an [N, D] gradient.

    `loss` goes over the blocks of classes for the log-partition; its backward pass goes over them again, and each
    block, once it has given its part of the queries' gradient, takes its Adam step at once. It costs one product more
    than the dense baseline, and little memory but for parameters and moments. In float32 the steps are those of
    FullSoftmaxLinear with torch.optim.Adam.

    So `backward` changes the weights, and only with the optimisers that `optimizers` made. A factor of the loss scales
    the gradients, as everywhere; but they cannot be clipped, unscaled or added up over several losses before the step.

    Args:
        in_features: D. out_features: N. block: classes whose logits exist at once. generator: the source of roundings.
        dtype: of the weights and their moments; the bias and all products are of the queries' type.

    Raises:
        ValueError: block < 1, or a dtype other than float32 and bfloat16.

    Source: gradients fused with the update, and chunks of labels: ELMO (Zhang et al. 2025), after Renée (Jain et al.
    2023). Differs from them: softmax for binary cross-entropies, Adam for SGD.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        block: int,
        generator: Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if block < 1 or dtype not in DTYPES:
            raise ValueError(f"block={block}, dtype={dtype}; accepted: a block of at least 1, and {DTYPES}.")
        self.in_features, self.out_features, self.block, self.generator = in_features, out_features, block, generator
        self.weight = nn.Parameter(torch.empty(out_features, in_features, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_features))
        self.adam: BlockAdam | None = None

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        loss: Tensor = _FusedLoss.apply(x, self.weight, self.bias, labels, self)  # type: ignore[no-untyped-call]
        return loss

    @torch.no_grad()
    def topk(self, x: Tensor, k: int) -> Tensor:
        return topk_rows(x, self.weight.to(x.dtype), self.bias, k)

    def optimizers(
        self, dense: list[Tensor], row_sparse: list[Tensor], lr: float, second_moment: SecondMoment
    ) -> list[torch.optim.Optimizer]:
        own = [self.weight, self.bias]
        others = [parameter for parameter in dense if all(parameter is not mine for mine in own)]
        self.adam = BlockAdam(own, lr, second_moment=second_moment, generator=self.generator)
        return [*super().optimizers(others, row_sparse, lr, second_moment), self.adam]


@dataclass(frozen=True)
class _Block:
    """A run of classes, and the labels among them: class `rows.start + place[i]` of sample `sample[i]`."""

    rows: slice
    place: Tensor
    sample: Tensor


def _blocks(labels: Candidates, num_rows: int, size: int) -> Iterator[_Block]:
    """All classes in turn, `size` at a time; ValueError if a label is none of them."""
    ids, order = labels.ids.sort()
    sample = labels.samples[order]
    starts = range(0, num_rows, size)
    cuts = torch.searchsorted(ids, torch.tensor([*starts, num_rows], device=ids.device)).tolist()
    if cuts[0] != 0 or cuts[-1] != len(ids):
        raise ValueError(f"labels are {int(ids[0])} … {int(ids[-1])}; accepted: 0 … {num_rows - 1}.")
    for start, (first, end) in zip(starts, pairwise(cuts), strict=True):
        yield _Block(slice(start, min(start + size, num_rows)), ids[first:end] - start, sample[first:end])


class _FusedLoss(torch.autograd.Function):
    """`softmax_cross_entropy` of all classes, and in its backward pass the step of the layer."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, labels: Candidates, layer: ChunkedSoftmaxLinear
    ) -> Tensor:
        log_partition, own = x.new_full((len(x),), -torch.inf), x.new_zeros(len(x))
        share = 1.0 / labels.counts.to(x.dtype)
        for block in _blocks(labels, len(weight), layer.block):
            scores = _scores(x, weight[block.rows].to(x.dtype), bias[block.rows])
            log_partition = torch.logaddexp(log_partition, scores.logsumexp(0))
            own.index_add_(0, block.sample, scores[block.place, block.sample] * share[block.sample])
        ctx.save_for_backward(x, log_partition)
        ctx.labels, ctx.layer, ctx.version = labels, layer, weight._version
        return (log_partition - own)[labels.counts > 0].sum() / len(labels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x, log_partition), labels, layer = ctx.saved_tensors, ctx.labels, ctx.layer
        adam, of_x = _ready(layer, ctx.version), torch.zeros_like(x)
        share = 1.0 / labels.counts.to(x.dtype)
        scale = torch.where(labels.counts > 0, gradients[0] / len(labels), 0)
        for block in _blocks(labels, layer.out_features, layer.block):
            rows = layer.weight.detach()[block.rows].to(x.dtype)
            of_scores = _scores(x, rows, layer.bias.detach()[block.rows]).sub_(log_partition).exp_()
            of_scores[block.place, block.sample] -= share[block.sample]
            of_scores.mul_(scale)
            of_x.addmm_(of_scores.t(), rows)
            adam.step_rows(layer.weight, block.rows, of_scores @ x)
            adam.step_rows(layer.bias, block.rows, of_scores.sum(1))
        adam.end_step()
        return of_x, None, None, None, None


def _scores(x: Tensor, rows: Tensor, bias: Tensor) -> Tensor:
    """[n, B], a class a row."""
    return torch.addmm(bias.unsqueeze(1), rows, x.t())


def _ready(layer: ChunkedSoftmaxLinear, version: int) -> BlockAdam:
    """The optimiser, if a backward pass of a loss on weights of this version may take a step."""
    if layer.adam is None:
        raise RuntimeError("the backward pass updates the weights, but has no optimiser: call `optimizers` first.")
    if torch.is_grad_enabled():
        raise RuntimeError("the fused softmax has no second derivatives; take gradients without create_graph=True.")
    if layer.weight._version != version:
        raise RuntimeError(
            "the weights have changed since this loss was taken; each loss needs its backward pass, once, before "
            "the next loss or step."
        )
    return layer.adam
