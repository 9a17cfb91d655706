"""Stable sorts of lists of whole numbers on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.cuda.lists import offsets_of

DIGIT = 8  # bits
CHUNK = 1024  # keys that a block takes


def sorted_keys(keys: Tensor, below: int) -> Tensor:
    """Each list, keys [L, N] int32 or int64 in [0, below), in ascending order."""
    for shift in _shifts(below):
        keys, _ = _pass(keys, None, shift, moves=False)
    return keys


def sorted_places(keys: Tensor, below: int) -> tuple[Tensor, Tensor]:
    """Each list in ascending order, and the place of each key in its list before: [L, N] int32; ties as they stood."""
    places = None
    for shift in _shifts(below):
        keys, places = _pass(keys, places, shift, moves=True)
    assert places is not None
    return keys, places


def _shifts(below: int) -> range:
    return range(0, max(1, (below - 1).bit_length()), DIGIT)


def _pass(keys: Tensor, values: Tensor | None, shift: int, moves: bool) -> tuple[Tensor, Tensor | None]:
    lists, length = keys.shape
    counts = torch.empty(lists, 1 << DIGIT, -(-length // CHUNK), dtype=torch.int64, device=keys.device)
    launch("count_digits", keys=keys, counts=counts, shift=shift)
    moved = torch.empty(keys.shape, dtype=torch.int32, device=keys.device) if moves else None
    result = torch.empty_like(keys)
    starts = offsets_of(counts.view(-1))
    arrays = {"keys": keys, "values": values, "starts": starts, "sorted": result, "moved": moved}
    launch("move_by_digit", **arrays, chunks=counts.shape[2], shift=shift)
    return result, moved
