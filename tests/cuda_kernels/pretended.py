"""A device that is none: tensors that say they lie on it, compute on the CPU, and refuse what a GPU would refuse.

torch lets Python stand in for one more backend (PrivateUse1). `Pretended` wraps a CPU tensor and reports the device
`pretended:0`; torch hands every op on one to `Pretended.__torch_dispatch__`, below autograd. So a test on a machine
without a GPU sees where code mixes devices, which tensors of the CPU build otherwise cannot show.

Refused, as by CUDA: an op on tensors of both devices, but for copies, 0-dim CPU tensors that pointwise ops read, and
CPU indices into a tensor of the device; draws on the device from a generator of the CPU; NumPy and addresses, so that
no compiled kernel for CPUs runs. Ops of `mongoose` run as for CUDA tensors, kernels in the emulator: see `on_backend`.

Not shown: streams, memory, ops that CUDA lacks or computes otherwise, and what code does only where a device is called
`cuda`. Draws are those of the CPU's default generator; there is no `torch.Generator` of the device.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map_only

from cuda_kernels import launch
from cuda_kernels.arguments import Launch
from cuda_kernels.emulator import run
from cuda_kernels.errors import DeviceError
from mongoose.ops import backend

NAME = "pretended"
aten = torch.ops.aten
COPIES = {aten.copy_.default, aten._to_copy.default}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
FACTORIES = (  # those that others are made of, and those that would grow an empty tensor
    "empty.memory_format",
    "empty_strided",
    "arange",
    "arange.start",
    "arange.start_step",
    "eye",
    "eye.m",
    "linspace",
    "randperm",
    "randperm.generator",
)

if torch.cuda.is_available():
    pytest.skip("torch has one accelerator a process, and there is a GPU", allow_module_level=True)


class _Module(backend_registration._DummyBackendModule):  # type: ignore[misc]
    """What `torch.cuda` is for CUDA."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def get_rng_state(self, device: Any = None) -> Tensor:
        """Draws are those of the CPU."""
        return torch.get_rng_state()

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        torch.set_rng_state(state)


backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
DEVICE = torch.device(NAME, 0)
_library = torch.library.Library("aten", "IMPL")
_others = torch.library.Library("_", "IMPL")


class Pretended(Tensor):
    """A tensor of the pretended device. held: the CPU tensor that holds its elements, of the same strides."""

    held: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Pretended":
        assert not isinstance(inner, Pretended)
        how: dict[str, Any] = {"dtype": inner.dtype, "layout": inner.layout, "device": DEVICE}
        if inner.layout is torch.strided:
            how |= {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        made: Pretended = Tensor._make_wrapper_subclass(cls, inner.size(), **how)
        made.held = inner
        return made

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """With this pair `Module.to` keeps a parameter's identity, as it does when it moves one to a GPU."""
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(parts: dict[str, Tensor], *_: Any) -> "Pretended":
        return Pretended(parts["held"])

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.held})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied = self.detach().clone().requires_grad_(self.requires_grad)
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied, self.requires_grad)
        memo[id(self)] = copied
        return copied

    def data_ptr(self) -> int:
        raise DeviceError("a tensor of the pretended device has no address that the CPU may read.")

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.namespace == "mongoose":
            return func._op_dk(torch._C.DispatchKey.CUDA, *args, **kwargs)
        if (
            of_others := func.decompose(*args, **kwargs)
        ) is not NotImplemented:  # below autograd, torch leaves it to us
            return of_others
        _check_devices(func, args, kwargs)
        return _compute(func, args, kwargs)


def _check_devices(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """RuntimeError, where CUDA raises one too."""
    changed = {id(given) for given in _changed(func, args, kwargs)}
    if func in INDEXED and isinstance(args[0], Pretended):
        args = (args[0], *args[2:])  # indices may be of the CPU
    scalars_pass = func in INDEXED or torch.Tag.pointwise in func.tags
    for leaf in [] if func in COPIES else tree_leaves((args, kwargs)):
        of_cpu = isinstance(leaf, Tensor) and not isinstance(leaf, Pretended)
        if of_cpu and not (scalars_pass and leaf.dim() == 0 and id(leaf) not in changed):
            raise RuntimeError(f"{func} got tensors of {NAME} and of the CPU; expected one device.")


def _changed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments that the op writes to."""
    named = {declared.name: declared.is_write for declared in func._schema.arguments}
    placed = dict(zip(named, args, strict=False))
    return [given for name, given in (placed | kwargs).items() if named[name]]


def _check_generator(func: Any, leaves: list[Any]) -> None:
    for leaf in leaves:
        if isinstance(leaf, torch.Generator) and leaf.device.type != NAME:
            raise RuntimeError(f"{func} draws on {NAME} from a generator of {leaf.device}; expected one of {NAME}.")


def _compute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The op on the CPU tensors inside; what it returns is wrapped, unless another device is asked for."""
    asked, leaves = kwargs.get("device"), tree_leaves((args, kwargs))
    there = asked is None or asked.type == NAME
    if there:
        _check_generator(func, leaves)
    inner_args, inner_kwargs = tree_map_only(Pretended, lambda tensor: tensor.held, (args, kwargs))
    returned = func(*inner_args, **inner_kwargs | ({} if asked is None else {"device": "cpu"}))
    if torch.Tag.inplace_view in func.tags:
        with torch._C._DisableTorchDispatch():  # the same change of the wrapper's own shape
            func(*args, **kwargs)
    wrapped = [leaf for leaf in leaves if isinstance(leaf, Pretended)]
    assert all(outer.shape == outer.held.shape for outer in wrapped), f"{func} changed a tensor's shape."
    outer = {id(leaf): leaf for leaf in leaves} | {id(leaf.held): leaf for leaf in wrapped}
    return tree_map_only(Tensor, lambda out: _outside(out, outer, there), returned)


def _outside(out: Tensor, outer: dict[int, Any], there: bool) -> Tensor:
    """What an op changed in place is returned as it was given."""
    if id(out) in outer:
        return outer[id(out)]
    return Pretended(out) if there else out


def _factory(name: str) -> Callable[..., Any]:
    packet, _, overload = name.partition(".")
    func = getattr(getattr(aten, packet), overload or "default")
    return lambda *args, **kwargs: _compute(func, args, kwargs)


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    """How torch.tensor fills what it makes, past `__torch_dispatch__`."""
    source, inside = (tensor.held if isinstance(tensor, Pretended) else tensor for tensor in (source, target))
    inside.copy_(source)
    return target


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Under torch.autocast."""
    dtype = torch.get_autocast_dtype(NAME)
    with torch.autocast(NAME, enabled=False):
        return torch.nn.functional.linear(x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype))


_library.impl("linear", _linear, "AutocastPrivateUse1")
_others.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
_library.impl("_copy_from", _copy_from, "PrivateUse1")
for _name in FACTORIES:
    _library.impl(_name, _factory(_name), "PrivateUse1")


@contextmanager
def on_backend(
    monkeypatch: pytest.MonkeyPatch, choice: Literal["cuda", "reference"] = "cuda"
) -> Iterator[torch.device]:
    """Ops of `mongoose` on tensors of the device run as on CUDA tensors, and what they launch in the emulator."""
    monkeypatch.setattr(backend, "_no_gpu", lambda: None)
    monkeypatch.setattr(launch, "_run", _run)
    with backend.using(choice):
        yield DEVICE


def _run(asked: Launch) -> None:
    if asked.device.type != NAME:
        raise DeviceError(f"kernel {asked.kernel.name} was given tensors on {asked.device}, on backend 'cuda'.")
    values = tuple((value.held if isinstance(value, Pretended) else value, dtype) for value, dtype in asked.values)
    run.run(replace(asked, values=values, device=torch.device("cpu")))
