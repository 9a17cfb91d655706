"""SimHash on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given
from mongoose.ops.cuda.lists import counted
from mongoose.ops.simhash import bit_distance, bits_per_table, changed_rows, simhash


@simhash.cuda
def _simhash(x: Tensor, planes: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    num_bits = bits_per_table(planes, num_tables)
    codes = x.new_empty(len(x), num_tables, dtype=torch.int32)
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    launch("simhash", x=x.contiguous(), planes=planes.contiguous(), offset=offset, codes=codes, K=num_bits)
    return codes


@changed_rows.cuda
def _changed_rows(codes: Tensor, known: Tensor) -> Tensor:
    codes = given("codes", codes, torch.int32, None, None)
    known, differs = given("known", known, torch.int32, *codes.shape), codes.new_empty(len(codes), dtype=torch.int64)
    launch("compare_codes", codes=codes, known=known, differs=differs)
    return counted(differs)


@bit_distance.cuda
def _bit_distance(a: Tensor, b: Tensor) -> Tensor:
    distance = torch.empty_like(a, memory_format=torch.contiguous_format)
    a, b = a.expand_as(distance).contiguous(), b.expand_as(distance).contiguous()
    launch("bit_distance", a=a.view(-1), b=b.view(-1), distance=distance.view(-1))
    return distance
