"""A look into the layers of a model that attends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import linear

from mongoose.nn.attention import SharedQKAttention

Seen = TypeVar("Seen")


@contextmanager
def watching(model: nn.Module, see: Callable[[SharedQKAttention, Tensor], Seen]) -> Iterator[list[Seen]]:
    """A list that fills, in a forward pass, with what `see` makes of each attention and its input [B, T, D]."""
    found: list[Seen] = []

    def watch(layer: SharedQKAttention, given: tuple[Tensor]) -> None:
        found.append(see(layer, given[0]))

    layers = [module for module in model.modules() if isinstance(module, SharedQKAttention)]
    hooks = [layer.register_forward_pre_hook(watch) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def queries(layer: SharedQKAttention, x: Tensor) -> Tensor:
    """[B, T, D] → [B·heads, T, E]: what the layer hashes."""
    B, T, _ = x.shape
    return linear(x, layer.to_qk.weight).view(B, T, layer.heads, -1).transpose(1, 2).flatten(0, 1)
