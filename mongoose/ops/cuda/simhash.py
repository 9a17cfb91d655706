"""SimHash on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.simhash import bit_distance, bits_per_table, simhash


@simhash.cuda
def _simhash(x: Tensor, planes: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    num_bits = bits_per_table(planes, num_tables)
    codes = x.new_empty(len(x), num_tables, dtype=torch.int32)
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    launch("simhash", x=x.contiguous(), planes=planes.contiguous(), offset=offset, codes=codes, K=num_bits)
    return codes


@bit_distance.cuda
def _bit_distance(a: Tensor, b: Tensor) -> Tensor:
    distance = torch.empty_like(a, memory_format=torch.contiguous_format)
    a, b = a.expand_as(distance).contiguous(), b.expand_as(distance).contiguous()
    launch("bit_distance", a=a.view(-1), b=b.view(-1), distance=distance.view(-1))
    return distance
