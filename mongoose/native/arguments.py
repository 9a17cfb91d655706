"""Arguments of kernels: made contiguous, and checked first, since a kernel reads whatever its pointers point to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from cuda_kernels.launch import launch

OUT_OF_BOUNDS = "an argument is out of bounds; the same call on CPU tensors says which"


class _Trust(threading.local):  # autograd has threads of its own
    given = False


_trust = _Trust()


@contextmanager
def trusted() -> Iterator[None]:
    """In this block elements of tensors on a GPU are not checked: ops of ours made them, or have checked them before.

    Dtypes and shapes are, and everything on the CPU, where a check is cheap.
    """
    before, _trust.given = _trust.given, True
    try:
        yield
    finally:
        _trust.given = before


def require(holds: Tensor, problem: Callable[[], str]) -> None:
    """Check a 0-dim bool that depends on the elements of tensors.

    On a GPU nobody waits for the answer: where it does not hold, the device stops with an assertion.

    Raises:
        ValueError: it does not hold, on the CPU; `problem` says why.
    """
    if holds.device.type != "cpu":
        torch._assert_async(holds, OUT_OF_BOUNDS)
    elif not holds:
        raise ValueError(problem())


def require_within(name: str, numbers: Tensor, lowest: int, highest: int) -> None:
    """`require` whole numbers in [lowest, highest].

    Raises:
        ValueError: one of them is not, on the CPU.
    """
    if numbers.numel() and not (_trust.given and numbers.device.type != "cpu"):
        least, most = numbers.aminmax()
        within = (least >= lowest) & (most <= highest)
        require(within, lambda: f"{name} {int(least)} … {int(most)}; accepted: {lowest} … {highest}.")


def given(name: str, tensor: Tensor, dtype: torch.dtype, *shape: int | None) -> Tensor:
    """The tensor, contiguous.

    Raises:
        ValueError: it is of another dtype, or of another shape; a size of None is any.
    """
    fits = tensor.dim() == len(shape) and all(
        want is None or want == size for want, size in zip(shape, tensor.shape, strict=True)
    )
    if tensor.dtype is not dtype or not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}; expected {dtype} of [{wanted}].")
    return tensor.contiguous()


def optional(name: str, tensor: Tensor | None, dtype: torch.dtype, *shape: int | None) -> Tensor | None:
    """`given`, where there is a tensor."""
    return None if tensor is None else given(name, tensor, dtype, *shape)


def given_ids(name: str, ids: Tensor, below: int, length: int | None = None) -> Tensor:
    """[length] int64 ids in [0, below), contiguous.

    Raises:
        ValueError: they are not.
    """
    ids = given(name, ids, torch.int64, length)
    if ids.device.type == "cpu":
        require_within(f"{name} holds ids", ids, 0, below - 1)
    else:
        _check_on_gpu(ids, None, below)
    return ids


def given_sets(
    name: str, ids: Tensor, offsets: Tensor, below: int, samples: int | None = None
) -> tuple[Tensor, Tensor]:
    """A ragged set, its ids in [0, below): ids [nnz] and offsets [samples + 1] from 0 to nnz, both contiguous.

    Raises:
        ValueError: it is none.
    """
    ids = given(f"{name} ids", ids, torch.int64, None)
    offsets = given(f"{name} offsets", offsets, torch.int64, None if samples is None else samples + 1)
    if not len(offsets):
        raise ValueError(f"{name} offsets are empty; one more than samples are accepted.")
    if ids.device.type == "cpu":
        require_within(f"{name} ids holds ids", ids, 0, below - 1)
        _require_rising(name, offsets, len(ids))
    else:
        _check_on_gpu(ids, offsets, below)
    return ids, offsets


def _check_on_gpu(ids: Tensor, offsets: Tensor | None, below: int) -> None:
    """What `given_sets` asks of elements, by a launch that nobody waits for; only forms for CUDA have such tensors."""
    if _trust.given:
        return
    fits, size = torch.ones(1, dtype=torch.int32, device=ids.device), 0 if offsets is None else len(offsets)
    launch("check_sets", ids=ids, offsets=offsets, fits=fits, S=size, below=below)
    torch._assert_async(fits, OUT_OF_BOUNDS)


def _require_rising(name: str, offsets: Tensor, many: int) -> None:
    """`require` offsets that rise from 0 to so many ids."""
    rises = (offsets[0] == 0) & (offsets[-1] == many) & (offsets.diff() >= 0).all()
    asked = f"{name} offsets must rise from 0 to the {many} ids"
    require(rises, lambda: f"{asked}; they are {offsets.tolist()[:8]} ….")
