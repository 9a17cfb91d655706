"""Which implementation of the ops runs, and how an op with several is declared.

`reference` is the op's definition in plain torch. `cpu` is a compiled kernel. `cuda` is a kernel of `cuda_kernels` on
CUDA tensors; `emulated` runs the same text on CPU tensors, slowly. All keep one contract.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, Literal, ParamSpec, TypeVar, get_args

import torch
from torch import Tensor

from cuda_kernels.errors import DeviceError
from mongoose.native.build import KernelBuildError
from mongoose.native.library import library

Backend = Literal["reference", "cpu", "emulated", "cuda"]
Choice = Literal["auto", "reference", "cpu", "emulated", "cuda"]

P = ParamSpec("P")
R = TypeVar("R")

Products = Literal["float32", "bfloat16", "auto"]

_choice: Choice = "auto"
_current: Backend | None = None  # of CPU tensors; None: not decided yet
_products: Products = "float32"


def use(choice: Choice, products: Products = "float32") -> Backend:
    """Choose the backend of this process; returns it, or what `auto` came to for CPU tensors.

    CUDA tensors run on `cuda` or `reference`; `auto` takes `cuda` where there is CuPy. `emulated` is for CPU tensors,
    which under `cuda` run as under `auto`.

    Args:
        products: in what the kernels multiply the dense matrices of a float32 softmax. In bfloat16, logits and their
            gradients are rounded to it too; sums are float32 in any case. `reference` has no kernels: always float32.
            auto: bfloat16 where matrix units make it faster: those of a processor with tiles (AMX), by some ten times,
            and of GPUs from compute capability 8.0 on.

    Raises:
        ValueError: a name is unknown.
        KernelBuildError: `cpu` was asked for and the kernels cannot be built here.
        DeviceError: `cuda` was asked for and cannot run here.
    """
    global _choice, _current, _products
    if choice not in get_args(Choice) or products not in get_args(Products):
        raise ValueError(
            f"backend={choice!r}, products={products!r}; accepted: {get_args(Choice)} and {get_args(Products)}."
        )
    if choice == "cpu":
        library()
    if choice == "cuda" and (reason := _no_gpu()):
        raise DeviceError(f"backend 'cuda' cannot run here: {reason}")
    _choice, _products = choice, products
    chosen = _resolve() if choice == "auto" else choice
    _current = _resolve() if choice == "cuda" else chosen
    return chosen


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Whether ops on the tensors of a device multiply float32 matrices in bfloat16."""
    backend = _on_gpu() if device.type == "cuda" else current()
    if backend == "reference" or _products != "auto":
        return backend != "reference" and _products == "bfloat16"
    if backend == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return backend == "cpu" and bool(torch.cpu._is_amx_tile_supported())


def current() -> Backend:
    """The backend that ops on CPU tensors run on; decided at the first question."""
    return _current or use("auto")


@contextmanager
def using(choice: Choice, products: Products = "float32") -> Iterator[Backend]:
    """`use` for the length of a block."""
    global _choice, _current, _products
    before = _choice, _current, _products
    try:
        yield use(choice, products)
    finally:
        _choice, _current, _products = before


def _resolve() -> Backend:
    try:
        library()
    except KernelBuildError as error:
        warnings.warn(
            f"The ops run on backend 'reference', plain torch, which is slower. Reason: {error}", stacklevel=4
        )
        return "reference"
    return "cpu"


@functools.cache
def _no_gpu() -> str | None:
    """Why CUDA kernels cannot run here; None where they can."""
    reason: str | None = import_module("cuda_kernels.gpu").unavailable()
    return reason


@functools.cache
def _auto_on_cuda() -> Backend:
    if reason := _no_gpu():
        warnings.warn(f"Ops on CUDA tensors run on backend 'reference', plain torch. Reason: {reason}", stacklevel=6)
        return "reference"
    return "cuda"


def _on_gpu() -> Backend:
    """The backend that ops on CUDA tensors run on."""
    backend = _auto_on_cuda() if _choice == "auto" else _choice
    if backend not in ("cuda", "reference"):
        raise DeviceError(f"CUDA tensors on backend {backend!r}; they run on 'cuda', 'reference' and 'auto'.")
    return backend


@functools.cache
def _bind(module: str) -> None:
    """Import what connects the ops of a module with CUDA kernels, where there is something."""
    if find_spec(binding := f"mongoose.ops.cuda.{module}"):
        import_module(binding)


class Op(Generic[P, R]):
    """An op of the `mongoose::` namespace; calling it goes through torch's dispatcher.

    Made by `op` from the definition in plain torch, which needs no kernel; `kernel` adds the compiled form for CPUs.
    `cuda` adds the form for GPUs and the emulator, in the module of `mongoose.ops.cuda` that is called like the op's.
    """

    def __init__(self, reference: Callable[P, R], name: str, mutates: Sequence[str]) -> None:
        functools.update_wrapper(self, reference)
        self.reference = reference
        self._kernel: Callable[P, R] | None = None
        self._cuda: Callable[P, R] | None = None
        self._function: type[torch.autograd.Function] | None = None
        self.torch_op: Any = torch.library.custom_op(f"mongoose::{name}", reference, mutates_args=tuple(mutates))
        self.torch_op.register_kernel("cpu")(self._on_cpu)
        self.torch_op.register_kernel("cuda")(self._on_cuda)
        self.fake: Callable[..., Any] = self.torch_op.register_fake

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.torch_op(*args, **kwargs)
        return result

    def direct(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same past torch's dispatcher, which takes about 0.1 ms a call.

        For callers whose work nothing differentiates, traces or looks for in a profile. Versions of tensors that the op
        changes are not counted up.
        """
        run = self._past_dispatcher(args)
        with torch.no_grad():
            return run(*args, **kwargs)

    def differentiated(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """`direct`, with the op's gradient, where all arguments are given by position."""
        if kwargs or self._function is None or self._past_dispatcher(args) is self:
            return self(*args, **kwargs)
        result: R = self._function.apply(*args)
        return result

    def _past_dispatcher(self, args: tuple[object, ...]) -> Callable[P, R]:
        """What runs on the device of the first argument; the op itself, where tensors are traced or of another kind."""
        first = args[0] if args else None
        if type(first) not in (Tensor, torch.nn.Parameter) or torch.compiler.is_compiling():
            return self
        assert isinstance(first, Tensor)
        return {"cpu": self._on_cpu, "cuda": self._on_cuda}.get(first.device.type, self)

    def kernel(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorates the compiled form."""
        self._kernel = function
        return function

    def cuda(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorates the form that launches kernels of `cuda_kernels`."""
        self._cuda = function
        return function

    def autograd(self, setup: Callable[..., None], backward: Callable[..., Any]) -> None:
        """Registers the gradient: `setup(ctx, inputs, output)` saves what `backward(ctx, *gradients)` needs."""
        self.torch_op.register_autograd(backward, setup_context=setup)

        def forward(ctx: Any, *args: Any) -> R:
            run: Callable[..., R] = self._past_dispatcher(args)
            output = run(*args)
            setup(ctx, args, output)
            return output

        parts = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        self._function = type(self.reference.__name__, (torch.autograd.Function,), parts)

    def _on_cpu(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._form(current())(*args, **kwargs)

    def _on_cuda(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._form(_on_gpu())(*args, **kwargs)

    def _form(self, backend: Backend) -> Callable[P, R]:
        """What runs on a backend; an op without a form for CPUs is as fast there as a composition of torch's ops."""
        if backend == "reference":
            return self.reference
        return self._kernel or self.reference if backend == "cpu" else self._cuda_form(backend)

    def _cuda_form(self, backend: Backend) -> Callable[P, R]:
        """An op that has no kernel at all is a composition of torch's ops and of others, and runs as it is."""
        if self._cuda is None:
            _bind(self.reference.__module__.rpartition(".")[2])
        if self._cuda is None and self._kernel is not None:
            raise DeviceError(f"op {self.torch_op._qualname} has no CUDA form, which backend {backend!r} needs.")
        return self._cuda or self.reference


def op(name: str, *, mutates: Sequence[str] = ()) -> Callable[[Callable[P, R]], Op[P, R]]:
    """Declares an op by its definition in plain torch. mutates: the names of arguments that it changes in place."""
    return lambda reference: Op(reference, name, mutates)
