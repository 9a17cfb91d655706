"""Reversible blocks, whose inputs are computed from their outputs instead of kept; feed-forward by pieces.

Source: Gomez et al. 2017; Reformer §3.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import gelu
from torch.utils.checkpoint import checkpoint

from mongoose.nn.replay import Tape


class FeedForward(nn.Module):
    """D → hidden → D with GELU, `pieces` of the sequence one after the other; each computed again in the backward pass.

    Args:
        dim: D. hidden: width between. pieces: 1: all at once, and activations are kept. generator: the source of first
            weights, normal with variance 1/inputs; biases start at 0.
    """

    def __init__(self, dim: int, hidden: int, *, generator: Generator, pieces: int = 1) -> None:
        super().__init__()
        self.pieces = pieces
        self.inner, self.outer = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        for layer in (self.inner, self.outer):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] → [B, T, D]."""
        if self.pieces == 1:
            return self._whole(x)
        again = torch.is_grad_enabled()
        pieces = x.tensor_split(self.pieces, dim=1)
        done = [checkpoint(self._whole, p, use_reentrant=False) if again else self._whole(p) for p in pieces]
        return torch.cat(done, dim=1)

    def _whole(self, x: Tensor) -> Tensor:
        out: Tensor = self.outer(gelu(self.inner(x)))
        return out


class ResidualBlock(nn.Module):
    """y₁ = x₁ + f(x₂), y₂ = x₂ + g(y₁), from which x₂ = y₂ − g(y₁), x₁ = y₁ − f(x₂)."""

    def __init__(self, f: nn.Module, g: nn.Module) -> None:
        super().__init__()
        self.f, self.g = f, g

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        y1 = x1 + self.f(x2)
        return y1, x2 + self.g(y1)


class ReversibleSequence(nn.Module):
    """Blocks one after the other on two streams that start equal; their mean is the output.

    Args:
        blocks: in order. reversible: activations are computed again in the backward pass, so that memory does not grow
            with depth but by what the blocks decided (`mongoose.nn.replay`) and the state of the random source. The
            result is the same either way, gradients but for rounding.
    """

    def __init__(self, blocks: Iterable[ResidualBlock], *, reversible: bool = True) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.reversible = reversible

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] → [B, T, D]."""
        if self.reversible and torch.is_grad_enabled():
            y1, y2 = _Reversed.apply(x, x, list(self.blocks), *self.parameters())  # type: ignore[no-untyped-call]
        else:
            y1 = y2 = x
            for block in self.blocks:
                y1, y2 = block(y1, y2)
        mean: Tensor = (y1 + y2) / 2
        return mean


class _Pass:
    """One call of a module, that can be repeated: its decisions and the states of torch's random sources before it.

    Args:
        device: of what the module computes; a GPU has a source of its own.
    """

    def __init__(self, device: torch.device) -> None:
        self.tape = Tape()
        self.random_state = torch.get_rng_state()
        self.of_gpus = {device: torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}

    @contextmanager
    def again(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=self.of_gpus), self.tape.replaying():
            torch.set_rng_state(self.random_state)
            for device, state in self.of_gpus.items():
                torch.cuda.set_rng_state(state, device)
            yield


class _Reversed(torch.autograd.Function):
    """The blocks; keeps the outputs of the last alone."""

    @staticmethod
    def forward(
        ctx: Any, x1: Tensor, x2: Tensor, blocks: list[ResidualBlock], *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.blocks, ctx.passes, ctx.parameters = blocks, [], parameters
        for block in blocks:
            x1 = x1 + _first(ctx.passes, block.f, x2)
            x2 = x2 + _first(ctx.passes, block.g, x1)
        ctx.save_for_backward(x1, x2)
        return x1, x2

    @staticmethod
    def backward(ctx: Any, *of_outputs: Tensor) -> tuple[Tensor | None, ...]:
        y1, y2 = ctx.saved_tensors
        of_y1, of_y2 = of_outputs
        gradients: dict[Tensor, Tensor] = {}
        for block in reversed(ctx.blocks):
            y2, of_y1 = _undo(ctx.passes.pop(), block.g, y1, y2, of_y1, of_y2, gradients)
            y1, of_y2 = _undo(ctx.passes.pop(), block.f, y2, y1, of_y2, of_y1, gradients)
        return of_y1, of_y2, None, *(gradients.get(parameter) for parameter in ctx.parameters)


def _first(passes: list[_Pass], module: nn.Module, x: Tensor) -> Tensor:
    passes.append(_Pass(x.device))
    with passes[-1].tape.recording():
        out: Tensor = module(x)
    return out


def _undo(
    done: _Pass, module: nn.Module, x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, gradients: dict[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """What y was before module(x) was added to it; and the gradient by x, which had of_x without the module."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    x = x.detach().requires_grad_()
    with torch.enable_grad(), done.again():
        added = module(x)
    of_input, *of_parameters = torch.autograd.grad(added, [x, *parameters], of_y, allow_unused=True)
    for parameter, gradient in zip(parameters, of_parameters, strict=True):
        if gradient is not None:
            gradients[parameter] = gradients[parameter] + gradient if parameter in gradients else gradient
    return y - added.detach(), of_x + of_input
