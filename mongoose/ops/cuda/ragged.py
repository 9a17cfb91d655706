"""Ranges on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given
from mongoose.ops.cuda.lists import offsets_of
from mongoose.ops.ragged import ranges


@ranges.cuda
def _ranges(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    start, length = given("start", start, torch.int64, None), given("length", length, torch.int64, len(start))
    offsets = offsets_of(length)
    which = start.new_empty(int(offsets[-1]))
    position = torch.empty_like(which)
    launch("list_ranges", start=start, offsets=offsets, which=which, position=position)
    return which, position
