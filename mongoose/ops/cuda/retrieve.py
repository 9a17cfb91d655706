"""Look codes up and rank what is found, on CUDA kernels: three ops after one another."""

import torch
from torch import Tensor

from mongoose.native.arguments import trusted
from mongoose.ops.buckets import lookup_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.retrieve import retrieve
from mongoose.ops.shortlist import shortlist


@retrieve.cuda
def _retrieve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query_codes: Tensor,
    items: Tensor,
    offsets: Tensor,
    side_items: Tensor | None,
    side_offsets: Tensor | None,
    hidden: Tensor | None,
    window: Tensor | None,
    cap: int,
    keep: int,
    size: int,
    num_bits: int,
    digests: Tensor | None = None,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    tables = torch.arange(query_codes.shape[1], device=x.device).expand(query_codes.shape)
    parts = (items, offsets, side_items, side_offsets, hidden)
    found = lookup_buckets.direct(query_codes, tables, *parts, window, cap)
    with trusted():
        if digests is not None:
            found = shortlist.direct(*found, size, query_codes, num_bits, digests, radius)
        return rerank.direct(x, weight, bias, *found, keep)
