"""Look codes up and rank what is found, in one pass."""

import torch
from torch import Tensor

from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.buckets import lookup_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.shortlist import shortlist


@op("retrieve")
def retrieve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query_codes: Tensor,
    codes: Tensor,
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
    radius: Tensor | None,
    traits: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """`lookup_buckets` in all tables, `shortlist` (unless `size` is 0), `rerank`; arguments as there.

    The kernel never writes the candidates down: of each it fetches the stored codes as soon as its id is read.
    """
    tables = torch.arange(query_codes.shape[1], device=codes.device).expand(query_codes.shape)
    parts = (items, offsets, side_items, side_offsets, hidden)
    found = lookup_buckets.reference(query_codes, tables, *parts, window, cap)
    if size:
        found = shortlist.reference(*found, size, query_codes, codes, num_bits, radius, traits)
    return rerank.reference(x, weight, bias, *found, keep)


@retrieve.fake
def _retrieve_shape(x: Tensor, weight: Tensor, bias: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    found = torch.library.get_ctx().new_dynamic_size()
    return x.new_empty(found, dtype=torch.int64), x.new_empty(len(x) + 1, dtype=torch.int64)


@retrieve.kernel
def _retrieve_cpu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query_codes: Tensor,
    codes: Tensor,
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
    radius: Tensor | None,
    traits: Tensor | None,
) -> tuple[Tensor, Tensor]:
    batch, dim = x.shape
    kept, found = torch.empty(batch * keep, dtype=torch.int64), torch.empty(batch + 1, dtype=torch.int64)
    sizes = (*codes.shape, 0 if side_items is None else side_items.shape[1], offsets.shape[1] - 1)
    given = (x, weight, bias, query_codes, codes, items, offsets, side_items, side_offsets, hidden, window)
    estimate = (None, None) if radius is None or traits is None else (radius.float(), traits.float())
    call(
        instance("retrieve_mixed" if weight.dtype == torch.bfloat16 else "retrieve", x.dtype),
        *(batch, dim, *sizes, cap, keep, size, num_bits),
        *(None if t is None else t.contiguous() for t in (*given, *estimate)),
        kept,
        found,
    )
    return kept[: int(found[-1])], found
