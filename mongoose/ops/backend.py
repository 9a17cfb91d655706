"""Which implementation of the ops runs, and how an op with several is declared.

`reference` is the op's definition in plain torch. `cpu` is a compiled kernel. Both keep one contract.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Literal, ParamSpec, TypeVar, get_args

import torch
from torch import Tensor

from mongoose.native.build import KernelBuildError
from mongoose.native.library import library

Backend = Literal["reference", "cpu"]
Choice = Literal["auto", "reference", "cpu"]

P = ParamSpec("P")
R = TypeVar("R")

Products = Literal["float32", "bfloat16", "auto"]

_current: Backend | None = None  # None: not decided yet, as "auto"
_products: Products = "float32"


def use(choice: Choice, products: Products = "float32") -> Backend:
    """Choose the backend of this process; returns what `auto` came to.

    Args:
        products: in what the kernels multiply the dense matrices of a float32 softmax. In bfloat16, logits and their
            gradients are rounded to it too; sums are float32 in any case.
            auto: bfloat16 where the processor has matrix tiles (AMX), which are some ten times as fast.

    Raises:
        ValueError: a name is unknown.
        KernelBuildError: `cpu` was asked for and the kernels cannot be built here.
    """
    global _current, _products
    if choice not in get_args(Choice) or products not in get_args(Products):
        raise ValueError(
            f"backend={choice!r}, products={products!r}; accepted: {get_args(Choice)} and {get_args(Products)}."
        )
    if choice == "cpu":
        library()
    _current, _products = _resolve() if choice == "auto" else choice, products
    return _current


def multiplies_in_bfloat16() -> bool:
    """Whether kernels multiply float32 matrices in bfloat16."""
    tiles = bool(torch.cpu._is_amx_tile_supported())
    return current() == "cpu" and (_products == "bfloat16" or (_products == "auto" and tiles))


def current() -> Backend:
    """The backend that ops on CPU tensors run on; decided at the first question."""
    return _current or use("auto")


@contextmanager
def using(choice: Choice, products: Products = "float32") -> Iterator[Backend]:
    """`use` for the length of a block."""
    global _current, _products
    before = _current, _products
    try:
        yield use(choice, products)
    finally:
        _current, _products = before


def _resolve() -> Backend:
    try:
        library()
    except KernelBuildError as error:
        warnings.warn(
            f"The ops run on backend 'reference', plain torch, which is slower. Reason: {error}", stacklevel=4
        )
        return "reference"
    return "cpu"


class Op(Generic[P, R]):
    """An op of the `mongoose::` namespace; calling it goes through torch's dispatcher.

    Made by `op` from the definition in plain torch, which needs no kernel; `kernel` adds the compiled form.
    """

    def __init__(self, reference: Callable[P, R], name: str, mutates: Sequence[str]) -> None:
        functools.update_wrapper(self, reference)
        self.reference = reference
        self._kernel: Callable[P, R] | None = None
        self.torch_op: Any = torch.library.custom_op(f"mongoose::{name}", reference, mutates_args=tuple(mutates))
        self.torch_op.register_kernel("cpu")(self._on_cpu)
        self.fake: Callable[..., Any] = self.torch_op.register_fake

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.torch_op(*args, **kwargs)
        return result

    def direct(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same past torch's dispatcher, which takes about 0.1 ms a call.

        For callers whose work nothing differentiates, traces or looks for in a profile. Versions of tensors that the op
        changes are not counted up.
        """
        first = next(iter(args), None)
        real = type(first) in (Tensor, torch.nn.Parameter) and not torch.compiler.is_compiling()  # or they are traced
        on_cpu = isinstance(first, Tensor) and first.device.type == "cpu"
        with torch.no_grad():
            return self._on_cpu(*args, **kwargs) if real and on_cpu else self(*args, **kwargs)

    def kernel(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorates the compiled form."""
        self._kernel = function
        return function

    def autograd(self, setup: Callable[..., None], backward: Callable[..., Any]) -> None:
        """Registers the gradient: `setup(ctx, inputs, output)` saves what `backward(ctx, *gradients)` needs."""
        self.torch_op.register_autograd(backward, setup_context=setup)

    def _on_cpu(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._kernel is None or current() == "reference":
            return self.reference(*args, **kwargs)
        return self._kernel(*args, **kwargs)


def op(name: str, *, mutates: Sequence[str] = ()) -> Callable[[Callable[P, R]], Op[P, R]]:
    """Declares an op by its definition in plain torch. mutates: the names of arguments that it changes in place."""
    return lambda reference: Op(reference, name, mutates)
