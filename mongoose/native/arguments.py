"""Arguments of kernels: made contiguous, and checked first, since a kernel reads whatever its pointers point to."""

import torch
from torch import Tensor


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
    if ids.numel():
        lowest, highest = ids.aminmax()
        if not 0 <= int(lowest) <= int(highest) < below:
            raise ValueError(f"{name} holds ids {int(lowest)} … {int(highest)}; accepted: 0 … {below - 1}.")
    return ids


def given_sets(
    name: str, ids: Tensor, offsets: Tensor, below: int, samples: int | None = None
) -> tuple[Tensor, Tensor]:
    """A ragged set, its ids in [0, below): ids [nnz] and offsets [samples + 1] from 0 to nnz, both contiguous.

    Raises:
        ValueError: it is none.
    """
    ids = given_ids(f"{name} ids", ids, below)
    offsets = given(f"{name} offsets", offsets, torch.int64, None if samples is None else samples + 1)
    if not len(offsets) or int(offsets[0]) or int(offsets[-1]) != len(ids) or bool((offsets.diff() < 0).any()):
        raise ValueError(f"{name} offsets must rise from 0 to the {len(ids)} ids; they are {offsets.tolist()[:8]} ….")
    return ids, offsets
