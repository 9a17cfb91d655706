"""Arguments of a launch, checked before it: a kernel reads whatever its pointers point to.

Every launch of a step comes by here, so that what depends on the kernel alone is looked up (`Kernel`, `Form`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cuda_kernels.errors import KernelArgumentError
from cuda_kernels.kernel import MAX_GRID, Array, Choice, Form, Instance, Kernel, evaluate

MAX_DYNAMIC = 48 * 1024  # bytes of shared memory that every architecture gives without being asked

Argument = Tensor | int | float | bool | None
Arrays = Sequence[tuple[Array, Tensor]]  # those that were given, in the kernel's order


@dataclass(frozen=True)
class Launch:
    """A launch whose arguments fit. values: in the kernel's order, each with its dtype. device: of all tensors."""

    kernel: Kernel
    form: Form
    sizes: Mapping[str, int]
    values: tuple[tuple[Argument, torch.dtype], ...]
    device: torch.device
    grid: tuple[int, int, int]
    dynamic: int

    @property
    def instance(self) -> Instance:
        return self.form.instance

    @property
    def expression(self) -> str:
        return self.form.expression


def bind(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> Launch:
    """Fit arguments, by name, to a kernel: template parameters and sizes follow from the tensors.

    Raises:
        KernelArgumentError: one is missing, unknown, of another dtype, shape or device, or not contiguous.
    """
    _check_names(kernel, given)
    arrays = _arrays(kernel, given)
    form = _form(kernel, given, arrays)
    _check_numbers(kernel, given, form)
    sizes = _sizes(kernel, given, arrays)
    _check_shapes(kernel, sizes, arrays)
    _check_storage(kernel, form, arrays)
    grid, dynamic = _geometry(kernel, form, sizes)
    device = _device(kernel, arrays)
    known: dict[str, Any] = {**sizes, **given}
    values = tuple(zip(map(known.__getitem__, form.dtypes), form.dtypes.values(), strict=True))
    return Launch(kernel, form, sizes, values, device, grid, dynamic)


def _check_names(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> None:
    names = given.keys()
    if not names <= kernel.takes:
        raise KernelArgumentError(kernel.name, min(names - kernel.takes), f"unknown; it takes {sorted(kernel.takes)}.")
    if not kernel.arrays.keys() <= names:
        raise KernelArgumentError(kernel.name, min(kernel.arrays.keys() - names), "missing.")


def _arrays(kernel: Kernel, given: Mapping[str, Argument | Choice]) -> Arrays:
    """None is left out where it may be."""
    found = []
    for name, array in kernel.arrays.items():
        tensor = given[name]
        if isinstance(tensor, Tensor):
            found.append((array, tensor))
        elif tensor is not None or not array.optional:
            raise KernelArgumentError(kernel.name, name, f"is {tensor!r}; expected a tensor.")
    return found


def _form(kernel: Kernel, given: Mapping[str, Argument | Choice], arrays: Arrays) -> Form:
    """What follows from the template parameters: each is given, or the dtype of the first array that has it."""
    chosen = tuple([given[name] if name in given else _dtype(name, arrays) for name in kernel.parameters])
    form = kernel.forms.get(chosen)  # type: ignore[arg-type]
    if form is None:
        raise _no_instance(kernel, dict(zip(kernel.parameters, chosen, strict=True)))
    return form


def _dtype(parameter: str, arrays: Arrays) -> torch.dtype | None:
    for array, tensor in arrays:
        if array.dtype == parameter:
            return tensor.dtype
    return None


def _no_instance(kernel: Kernel, chosen: Mapping[str, Any]) -> KernelArgumentError:
    instances = kernel.instances()
    alone = (name for name in chosen if chosen[name] not in [instance[name] for instance in instances])
    name = next(alone, next(iter(chosen)))
    return KernelArgumentError(kernel.name, name, f"is {chosen[name]}; there are instances for {instances}.")


def _check_numbers(kernel: Kernel, given: Mapping[str, Argument | Choice], form: Form) -> None:
    for name, accepted in form.numbers.items():
        if not isinstance(value := given.get(name, 0), accepted):
            wrong = f"is {value!r}; expected a number of {form.dtypes[name]}."
            raise KernelArgumentError(kernel.name, name, wrong)


def _sizes(kernel: Kernel, given: Mapping[str, Argument | Choice], arrays: Arrays) -> dict[str, int]:
    """What the names in shapes are: given, or bound by the first array that has them."""
    sizes = {name: value for name, value in given.items() if type(value) is int}
    for array, tensor in arrays:
        if tensor.dim() != array.dim:
            wrong = f"has shape {tuple(tensor.shape)}; expected [{array.shape}]."
            raise KernelArgumentError(kernel.name, array.name, wrong)
    for name, of, dimension in kernel.binds:
        if name not in sizes and isinstance(first := given[of], Tensor):
            sizes[name] = first.shape[dimension]
    for name in sorted(kernel.scalars - sizes.keys() - given.keys()):
        raise KernelArgumentError(kernel.name, name, "missing, and no shape says what it is.")
    return sizes


def _check_shapes(kernel: Kernel, sizes: Mapping[str, int], arrays: Arrays) -> None:
    known: dict[str, tuple[int, ...]] = {}  # many arrays have the same shape
    for array, tensor in arrays:
        wanted = known.get(array.shape) or known.setdefault(array.shape, array.sized(sizes))
        if tensor.shape != wanted:
            wrong = f"has shape {tuple(tensor.shape)}; [{array.shape}] is {wanted}."
            raise KernelArgumentError(kernel.name, array.name, wrong)


def _check_storage(kernel: Kernel, form: Form, arrays: Arrays) -> None:
    for array, tensor in arrays:
        dtype = form.dtypes[array.name]
        if tensor.dtype is not dtype:
            raise KernelArgumentError(kernel.name, array.name, f"is {tensor.dtype}; expected {dtype}.")
        if not tensor.is_contiguous():
            wrong = f"has strides {tensor.stride()}; expected contiguous."
            raise KernelArgumentError(kernel.name, array.name, wrong)


def _geometry(kernel: Kernel, form: Form, sizes: Mapping[str, int]) -> tuple[tuple[int, int, int], int]:
    """The grid, and bytes of dynamic shared memory."""
    sized = {**sizes, **form.itemsizes}
    grid, dynamic = kernel.grid.blocks(kernel.block, sized), evaluate(kernel.dynamic, sized)
    if grid[0] > MAX_GRID or grid[1] > 65535 or dynamic > MAX_DYNAMIC:
        too_much = f"{sizes} need a grid of {grid} and {dynamic} bytes of shared memory, more than a GPU gives."
        raise KernelArgumentError(kernel.name, "sizes", too_much)
    return grid, dynamic


def _device(kernel: Kernel, arrays: Arrays) -> torch.device:
    first, device = arrays[0][0], arrays[0][1].device
    for array, tensor in arrays:
        if tensor.device != device:
            wrong = f"is on {tensor.device}, {first.name} on {device}; expected one device."
            raise KernelArgumentError(kernel.name, array.name, wrong)
    return device
