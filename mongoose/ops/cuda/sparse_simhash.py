"""SimHash on sparse planes on a CUDA kernel."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given
from mongoose.ops.simhash import bits_per_table
from mongoose.ops.sparse_simhash import sparse_simhash


@sparse_simhash.cuda
def _sparse_simhash(
    x: Tensor, planes: Tensor, entries: Tensor, num_tables: int, offset: Tensor | None = None
) -> Tensor:
    num_bits = bits_per_table(entries, num_tables)
    entries = given("entries", entries, torch.int32, None, planes.shape[1])
    codes = x.new_empty(len(x), num_tables, dtype=torch.int32)
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    launch("sparse_simhash", x=x.contiguous(), entries=entries, offset=offset, codes=codes, K=num_bits)
    return codes
