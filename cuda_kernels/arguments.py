"""Arguments of a launch, checked before it: a kernel reads whatever its pointers point to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cuda_kernels.errors import KernelArgumentError
from cuda_kernels.kernel import MAX_GRID, Array, Choice, Instance, Kernel, Scalar, dtype_of, evaluate

MAX_DYNAMIC = 48 * 1024  # bytes of shared memory that every architecture gives without being asked

Argument = Tensor | int | float | bool | None


@dataclass(frozen=True)
class Launch:
    """A launch whose arguments fit. values: in the kernel's order, each with its dtype. device: of all tensors."""

    kernel: Kernel
    instance: Instance
    sizes: Mapping[str, int]
    values: tuple[tuple[Argument, torch.dtype], ...]
    device: torch.device
    grid: tuple[int, int, int]
    dynamic: int

    @property
    def expression(self) -> str:
        return self.kernel.expression(self.instance)


def bind(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> Launch:
    """Fit arguments, by name, to a kernel: template parameters and sizes follow from the tensors.

    Raises:
        KernelArgumentError: one is missing, unknown, of another dtype, shape or device, or not contiguous.
    """
    _check_names(kernel, given)
    instance = _instance(kernel, given)
    _check_numbers(kernel, given, instance)
    sizes = _sizes(kernel, given)
    values = tuple(_value(kernel, argument, given, instance, sizes) for argument in kernel.arguments)
    sized = sizes | {name: c.itemsize for name, c in instance.items() if isinstance(c, torch.dtype)}
    grid, dynamic = kernel.grid.blocks(kernel.block, sized), evaluate(kernel.dynamic, sized)
    if grid[0] > MAX_GRID or grid[1] > 65535 or dynamic > MAX_DYNAMIC:
        too_much = f"{sizes} need a grid of {grid} and {dynamic} bytes of shared memory, more than a GPU gives."
        raise KernelArgumentError(kernel.name, "sizes", too_much)
    return Launch(kernel, instance, sizes, values, _device(kernel, given), grid, dynamic)


def _check_names(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> None:
    known = {argument.name for argument in kernel.arguments} | set(kernel.parameters) | _symbols(kernel)
    needed = {argument.name for argument in kernel.arguments if isinstance(argument, Array)}
    for name in sorted(set(given) - known):
        raise KernelArgumentError(kernel.name, name, f"unknown; it takes {sorted(known)}.")
    for name in sorted(needed - set(given)):
        raise KernelArgumentError(kernel.name, name, "missing.")


def _check_numbers(kernel: Kernel, given: Mapping[str, Argument | Choice], instance: Instance) -> None:
    for scalar in (argument for argument in kernel.arguments if isinstance(argument, Scalar)):
        dtype, value = dtype_of(scalar, instance), given.get(scalar.name, 0)
        accepted = (int, float) if dtype.is_floating_point else int
        if not isinstance(value, accepted):
            raise KernelArgumentError(kernel.name, scalar.name, f"is {value!r}; expected a number of {dtype}.")


def _arrays(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> list[tuple[Array, Tensor]]:
    """The arrays that were given; None is left out where it may be."""
    found = []
    for array in (argument for argument in kernel.arguments if isinstance(argument, Array)):
        tensor = given[array.name]
        if isinstance(tensor, Tensor):
            found.append((array, tensor))
        elif tensor is not None or not array.optional:
            raise KernelArgumentError(kernel.name, array.name, f"is {tensor!r}; expected a tensor.")
    return found


def _instance(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> Instance:
    """What each template parameter is: given, or the dtype of the first array that has it."""
    chosen = {name: _choice(kernel, given, name) for name in kernel.parameters}
    instances = kernel.instances()
    if chosen in instances:
        return chosen
    alone = (name for name in chosen if chosen[name] not in [instance[name] for instance in instances])
    name = next(alone, next(iter(chosen)))
    raise KernelArgumentError(kernel.name, name, f"is {chosen[name]}; there are instances for {instances}.")


def _choice(kernel: Kernel, given: Mapping[str, Argument | Choice], name: str) -> Any:
    """What was given for a template parameter, or the dtype of the first array that has it; else None."""
    of_arrays = [tensor.dtype for array, tensor in _arrays(kernel, given) if array.dtype == name]
    return given[name] if name in given else next(iter(of_arrays), None)


def _symbols(kernel: Kernel) -> set[str]:
    """The sizes that shapes bind."""
    arrays = (argument for argument in kernel.arguments if isinstance(argument, Array))
    return {size for array in arrays for size in array.shape.split() if size.isidentifier()}


def _sizes(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> dict[str, int]:
    """What the names in shapes are: given, or bound by the first array that has them."""
    sizes = {name: value for name, value in given.items() if type(value) is int}
    arrays = _arrays(kernel, given)
    for array, tensor in arrays:
        if tensor.dim() != len(array.shape.split()):
            wrong = f"has shape {tuple(tensor.shape)}; expected [{array.shape}]."
            raise KernelArgumentError(kernel.name, array.name, wrong)
        for name, size in zip(array.shape.split(), tensor.shape, strict=True):
            if name.isidentifier():
                sizes.setdefault(name, size)
    for name in sorted({argument.name for argument in kernel.arguments if isinstance(argument, Scalar)} - set(given)):
        if name not in sizes:
            raise KernelArgumentError(kernel.name, name, "missing, and no shape says what it is.")
    for array, tensor in arrays:
        wanted = tuple(evaluate(size, sizes) for size in array.shape.split())
        if tuple(tensor.shape) != wanted:
            raise KernelArgumentError(
                kernel.name, array.name, f"has shape {tuple(tensor.shape)}; [{array.shape}] is {wanted}."
            )
    return sizes


def _value(
    kernel: Kernel,
    argument: Array | Scalar,
    given: Mapping[str, Argument | Choice],
    instance: Instance,
    sizes: Mapping[str, int],
) -> tuple[Argument, torch.dtype]:
    dtype = dtype_of(argument, instance)
    value = given.get(argument.name, sizes.get(argument.name))
    if isinstance(argument, Array) and isinstance(value, Tensor):
        if value.dtype is not dtype:
            raise KernelArgumentError(kernel.name, argument.name, f"is {value.dtype}; expected {dtype}.")
        if not value.is_contiguous():
            raise KernelArgumentError(kernel.name, argument.name, f"has strides {value.stride()}; expected contiguous.")
    assert not isinstance(value, torch.dtype)
    return value, dtype


def _device(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> torch.device:
    arrays = _arrays(kernel, given)
    device = arrays[0][1].device
    for array, tensor in arrays:
        if tensor.device != device:
            raise KernelArgumentError(
                kernel.name, array.name, f"is on {tensor.device}, {arrays[0][0].name} on {device}; expected one device."
            )
    return device
