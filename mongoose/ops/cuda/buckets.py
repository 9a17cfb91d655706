"""Hash tables on CUDA kernels: built by a stable sort, and looked up in by a block a query."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, optional, require_within
from mongoose.ops.buckets import build_buckets, lookup_buckets
from mongoose.ops.cuda.lists import offsets_of
from mongoose.ops.cuda.radix_sort import sorted_places

SHARED = 2048  # distinct items of a query that its block keeps in shared memory
OVERFLOWING = 8  # queries with more that are worked on at a time: each takes N counters in global memory


@build_buckets.cuda
def _build_buckets(codes: Tensor, num_buckets: int) -> tuple[Tensor, Tensor]:
    codes = given("codes", codes, torch.int32, None, None)
    require_within("codes", codes, 0, num_buckets - 1)
    keys, items = sorted_places(codes.t().contiguous(), num_buckets)
    offsets = codes.new_empty(codes.shape[1], num_buckets + 1)
    launch("find_bounds", keys=keys, bounds=offsets, C=num_buckets, step=1)
    return items, offsets


@lookup_buckets.cuda
def _lookup_buckets(
    codes: Tensor,
    tables: Tensor,
    items: Tensor,
    offsets: Tensor,
    side_items: Tensor | None = None,
    side_offsets: Tensor | None = None,
    hidden: Tensor | None = None,
    window: Tensor | None = None,
    cap: int = 0,
    min_count: int = 1,
    enough: int = 0,
) -> tuple[Tensor, Tensor]:
    items = given("items", items, torch.int32, None, None)
    side_items = optional("side_items", side_items, torch.int32, len(items), None)
    parts = {"items": items, "side_items": side_items, "hidden": None if hidden is None else hidden.contiguous()}
    sides = 0 if side_items is None else side_items.shape[1]
    spans = _located(codes, tables, offsets, side_offsets, window, cap, items.shape[1], sides)
    limits = {"min_count": max(1, min_count), "enough": enough}
    return _collected({"spans": spans, **parts, **limits})


def _located(
    codes: Tensor,
    tables: Tensor,
    offsets: Tensor,
    side_offsets: Tensor | None,
    window: Tensor | None,
    cap: int,
    num_items: int,
    num_side: int,
) -> Tensor:
    """[B, T, 4] int64, begin and end of what to see of each bucket in the main and the side items."""
    spans = torch.empty(*codes.shape, 4, dtype=torch.int64, device=codes.device)
    launch(
        "locate_buckets",
        codes=given("codes", codes, torch.int32, None, None),
        tables=given("tables", tables, torch.int64, *codes.shape),
        offsets=offsets.contiguous(),
        side_offsets=None if side_offsets is None else side_offsets.contiguous(),
        window=None if window is None else window.contiguous(),
        spans=spans,
        N=num_items,
        M=num_side,
        cap=cap,
    )
    return spans


def _collected(visits: dict[str, Tensor | int | None]) -> tuple[Tensor, Tensor]:
    """The distinct items of the visited buckets; those of queries with many are collected twice, to count and to write.

    Reads from the device how many items there are in all.
    """
    spans, items = visits["spans"], visits["items"]
    assert isinstance(spans, Tensor)
    assert isinstance(items, Tensor)
    batch, num_items = len(spans), items.shape[1]
    lists, found = items.new_empty(batch, SHARED), spans.new_empty(batch)
    overflows = torch.empty(batch, dtype=torch.bool, device=spans.device)
    launch("collect_items", **visits, lists=lists, found=found, overflows=overflows)
    at_once = min(batch, OVERFLOWING) if num_items > SHARED else 0
    many = visits | {"overflows": overflows, "counts": items.new_zeros(at_once, num_items)}
    launch("collect_overflow", **many, found=found, offsets=None, ids=None)
    offsets = offsets_of(found)
    ids = spans.new_empty(int(offsets[-1]))
    launch("join_rows", rows=lists, offsets=offsets, skip=overflows, ids=ids)
    launch("collect_overflow", **many, found=None, offsets=offsets, ids=ids)
    return ids, offsets
