"""Draws from a discrete distribution on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.inverse_cdf import inverse_cdf


@inverse_cdf.cuda
def _inverse_cdf(uniform: Tensor, cumulative: Tensor) -> Tensor:
    found = torch.empty_like(uniform, dtype=torch.int64)
    launch("inverse_cdf", uniform=uniform.contiguous(), cumulative=cumulative.contiguous(), found=found)
    return found
