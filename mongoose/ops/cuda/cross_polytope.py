"""Cross-polytope codes on a CUDA kernel."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.cross_polytope import cross_polytope, directions_per_table


@cross_polytope.cuda
def _cross_polytope(x: Tensor, rotations: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    size = directions_per_table(rotations, num_tables)
    x = (x.float() if x.dtype is torch.bfloat16 else x).contiguous()
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    codes = torch.empty(len(x), num_tables, dtype=torch.int32, device=x.device)
    launch("cross_polytope", x=x, directions=rotations.to(x.dtype).contiguous(), offset=offset, codes=codes, P=size)
    return codes
