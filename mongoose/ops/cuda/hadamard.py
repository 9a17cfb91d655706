"""SimHash by fast Hadamard transforms on a CUDA kernel."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.hadamard import check_transform, hadamard_simhash


@hadamard_simhash.cuda
def _hadamard_simhash(x: Tensor, signs: Tensor, num_bits: int, num_tables: int, offset: Tensor | None = None) -> Tensor:
    """A transform lies in shared memory: of 8,192 numbers in float32, 4,096 in float64, with room for the signs' bits.

    Raises:
        KernelArgumentError: it does not fit.
    """
    check_transform(x, signs, num_bits, num_tables)
    x, signs = x.contiguous(), signs.to(x.dtype).contiguous()
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    codes = torch.empty(len(x), num_tables, dtype=torch.int32, device=x.device)
    launch("hadamard_simhash", x=x, signs=signs, offset=offset, codes=codes, K=num_bits)
    return codes
