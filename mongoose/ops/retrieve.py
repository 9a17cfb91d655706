"""Look codes up and rank what is found, in one pass."""

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional
from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.buckets import lookup_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.shortlist import given_estimate, shortlist


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
    (batch, dim), (num_rows, tables), half = x.shape, codes.shape, weight.dtype is torch.bfloat16
    kept, found = torch.empty(batch * keep, dtype=torch.int64), torch.empty(batch + 1, dtype=torch.int64)
    sizes = (num_rows, tables, 0 if side_items is None else side_items.shape[1], offsets.shape[1] - 1)
    call(
        instance("retrieve_mixed" if half else "retrieve", x.dtype),
        *(batch, dim, *sizes, cap, keep, size, num_bits),
        given("x", x, x.dtype, None, None),
        given("weight", weight, torch.bfloat16 if half else x.dtype, num_rows, dim),
        given("bias", bias, x.dtype, num_rows),
        given("query_codes", query_codes, torch.int32, batch, tables),
        given("codes", codes, torch.int32, num_rows, tables),
        given("items", items, torch.int32, tables, num_rows),
        given("offsets", offsets, torch.int32, tables, None),
        optional("side_items", side_items, torch.int32, tables, None),
        optional("side_offsets", side_offsets, torch.int32, *offsets.shape),
        optional("hidden", hidden, torch.bool, num_rows),
        optional("window", window, torch.float32, batch, tables),
        *given_estimate(radius, traits, batch, num_rows),
        kept,
        found,
    )
    return kept[: int(found[-1])], found
