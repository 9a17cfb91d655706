"""State outside of modules, and how it goes where the parameters of its owner go."""

from dataclasses import fields, replace
from typing import Any, Self

import torch
from torch import Tensor, nn


class Movable:
    """A plain object that takes all it holds along to another device.

    A module that owns one passes moves on to it: `_apply`, with `moved`. Only the device changes, dtypes stay.
    """

    def to(self, device: torch.device | str) -> Self:
        """Move tensors, modules and other movables, at any depth; returns itself."""
        moved(self, torch.device(device))
        return self


def moved(held: Any, device: torch.device, met: set[int] | None = None) -> Any:
    """`held` on a device: modules and movables are changed in place; tensors, tuples and frozen dataclasses are new.

    Anything else stays as it is, generators too: what is drawn is the same on every device.

    Args:
        met: movables that are seen to already, by `id`: some hold each other.
    """
    met = set() if met is None else met
    if isinstance(held, Tensor | nn.Module):
        return held.to(device)
    if isinstance(held, tuple):
        parts = [moved(part, device, met) for part in held]
        return type(held)(*parts) if hasattr(held, "_fields") else tuple(parts)
    if isinstance(held, Movable) and id(held) not in met:
        met.add(id(held))
        vars(held).update({name: moved(part, device, met) for name, part in vars(held).items()})
    elif _is_frozen(held):
        return replace(held, **{field.name: moved(getattr(held, field.name), device, met) for field in fields(held)})
    return held


def _is_frozen(held: Any) -> bool:
    """Whether it is of a frozen dataclass."""
    settings = getattr(type(held), "__dataclass_params__", None)
    return settings is not None and bool(settings.frozen)
