"""Look codes up and rank what is found, in one pass."""

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional
from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.buckets import lookup_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.shortlist import DIGEST, given_size, shortlist, sketch_shape


@op("retrieve")
def retrieve(
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
    """`lookup_buckets` in all tables, `shortlist` (where there are `digests`), `rerank`; arguments as there.

    The kernel never writes the candidates down: of each it fetches the digest as soon as its id is read.
    """
    tables = torch.arange(query_codes.shape[1], device=x.device).expand(query_codes.shape)
    parts = (items, offsets, side_items, side_offsets, hidden)
    found = lookup_buckets.reference(query_codes, tables, *parts, window, cap)
    if digests is not None:
        found = shortlist.reference(*found, size, query_codes, num_bits, digests, radius)
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
    (batch, dim), (tables, num_rows), half = x.shape, items.shape, weight.dtype is torch.bfloat16
    sketch_shape(tables, num_bits)
    kept, found = torch.empty(batch * keep, dtype=torch.int64), torch.empty(batch + 1, dtype=torch.int64)
    sizes = (num_rows, tables, 0 if side_items is None else side_items.shape[1], offsets.shape[1] - 1)
    call(
        instance("retrieve_mixed" if half else "retrieve", x.dtype),
        *(batch, dim, *sizes, cap, keep, given_size(size) if digests is not None else 0, num_bits),
        given("x", x, x.dtype, None, None),
        given("weight", weight, torch.bfloat16 if half else x.dtype, num_rows, dim),
        given("bias", bias, x.dtype, num_rows),
        given("query_codes", query_codes, torch.int32, batch, tables),
        given("items", items, torch.int32, tables, num_rows),
        given("offsets", offsets, torch.int32, tables, None),
        optional("side_items", side_items, torch.int32, tables, None),
        optional("side_offsets", side_offsets, torch.int32, *offsets.shape),
        optional("hidden", hidden, torch.bool, num_rows),
        optional("window", window, torch.float32, batch, tables),
        optional("radius", radius, torch.float32, batch),
        optional("digests", digests, torch.int32, num_rows, DIGEST),
        kept,
        found,
    )
    return kept[: int(found[-1])], found
