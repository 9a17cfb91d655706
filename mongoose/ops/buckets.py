"""Buckets as compressed rows: build them from codes, look codes up in them."""

from typing import NamedTuple

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional
from mongoose.native.library import call, count
from mongoose.ops.backend import op
from mongoose.ops.ragged import ranges
from mongoose.ops.sets import group


class Buckets(NamedTuple):
    """L tables over N items. Bucket c of table l holds `items[l, offsets[l, c]:offsets[l, c + 1]]`, ids ascending.

    items: [L, N] int32. offsets: [L, 2**K + 1] int32.
    """

    items: Tensor
    offsets: Tensor


@op("build_buckets")
def build_buckets(codes: Tensor, num_buckets: int) -> tuple[Tensor, Tensor]:
    """Group the items of every table by code.

    Args:
        codes: [N, L] int32 in [0, num_buckets).

    Returns:
        The items and offsets of `Buckets`.
    """
    num_tables = codes.shape[1]
    by_table = codes.t().contiguous()
    items = torch.sort(by_table, dim=1, stable=True).indices.int()
    keys = by_table + num_buckets * torch.arange(num_tables, device=codes.device).unsqueeze(1)
    counts = torch.bincount(keys.flatten(), minlength=num_tables * num_buckets).view(num_tables, num_buckets)
    offsets = torch.zeros(num_tables, num_buckets + 1, dtype=torch.int32, device=codes.device)
    offsets[:, 1:] = counts.cumsum(1)
    return items, offsets


@build_buckets.fake
def _buckets_shape(codes: Tensor, num_buckets: int) -> tuple[Tensor, Tensor]:
    num_items, num_tables = codes.shape
    return codes.new_empty(num_tables, num_items), codes.new_empty(num_tables, num_buckets + 1)


@build_buckets.kernel
def _build_buckets_cpu(codes: Tensor, num_buckets: int) -> tuple[Tensor, Tensor]:
    num_items, num_tables = codes.shape
    items = torch.empty(num_tables, num_items, dtype=torch.int32)
    offsets = torch.empty(num_tables, num_buckets + 1, dtype=torch.int32)
    codes = given("codes", codes, torch.int32, None, None)
    if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < num_buckets:
        raise ValueError(f"codes {int(codes.min())} … {int(codes.max())}; accepted: 0 … {num_buckets - 1}.")
    call("build_buckets", num_items, num_tables, num_buckets, codes, items, offsets)
    return items, offsets


@op("lookup_buckets")
def lookup_buckets(
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
    """For each query, the distinct items that share its code in the tables that it visits.

    A bucket is the bucket of the main tables with that of the side tables laid behind it.

    Args:
        codes: [B, T] int32, each query's codes in the tables it visits. tables: [B, T] int64, those tables, in order.
        items, offsets: the main `Buckets`. side_items, side_offsets: the side `Buckets`, or None; their ids are those
            of all items. hidden: [N] bool, items to pass over in the main tables (they are in the side ones).
        window, cap: of a bucket with more than `cap` items, see a run of `cap` that starts at the share `window`
            ([B, T] float32 in [0, 1)) of the starts there are. All items, without `window`.
        min_count: leave out items found in fewer tables than this.
        enough: a query visits no further table once it has this many distinct items; 0: it visits all.

    Returns:
        ids [nnz] int64 and offsets [B + 1] int64, as in `Candidates`.
    """
    num_queries, num_visits = codes.shape
    found = torch.zeros(num_queries, dtype=torch.int64, device=codes.device)
    sample, item = found[:0], found[:0]
    for visit in range(num_visits) if enough else range(1):
        columns = slice(visit, visit + 1) if enough else slice(None)
        hungry = (found < enough if enough else found == 0).nonzero().squeeze(1)
        here = (hungry, columns)
        starts = None if window is None else window[here]
        parts = _parts(codes[here], tables[here], items, offsets, side_items, side_offsets, hidden, starts, cap)
        sample = torch.cat([sample, *(hungry[slot] for slot, _ in parts)])
        item = torch.cat([item, *(ids.long() for _, ids in parts)])
        if enough:
            found = group(sample, item, num_queries)[1].diff()
    if min_count > 1:
        pairs, counts = torch.stack([sample, item]).unique(dim=1, return_counts=True)
        sample, item = pairs[:, counts >= min_count]
    return group(sample, item, num_queries)


def _parts(
    codes: Tensor,
    tables: Tensor,
    items: Tensor,
    offsets: Tensor,
    side_items: Tensor | None,
    side_offsets: Tensor | None,
    hidden: Tensor | None,
    window: Tensor | None,
    cap: int,
) -> list[tuple[Tensor, Tensor]]:
    """(query, item) pairs that the main and the side tables hold for these codes, with repeats."""
    codes, num_visits = codes.long(), codes.shape[1]
    buckets = [(items, offsets)]
    if side_items is not None and side_offsets is not None:
        buckets.append((side_items, side_offsets))
    starts = [part[tables, codes].long() for _, part in buckets]
    lengths = [part[tables, codes + 1] - start for (_, part), start in zip(buckets, starts, strict=True)]
    first, last = _window(torch.stack(lengths).sum(0), window, cap)
    found = []
    for (members, _), start, length in zip(buckets, starts, lengths, strict=True):
        begin, end = torch.minimum(first.clamp_min(0), length), torch.minimum(last.clamp_min(0), length)
        slot, position = ranges((start + begin).flatten(), (end - begin).flatten())
        found.append((slot // num_visits, members[tables.flatten()[slot], position]))
        first, last = first - length, last - length
    if hidden is not None:
        query, item = found[0]
        seen = ~hidden[item]
        found[0] = (query[seen], item[seen])
    return found


def _window(length: Tensor, window: Tensor | None, cap: int) -> tuple[Tensor, Tensor]:
    """First and one past the last position to take of buckets of these lengths."""
    if window is None:
        return torch.zeros_like(length), length
    spare = (length - cap).clamp_min(0)
    first = torch.minimum((window * (spare + 1)).long(), spare)
    return first, first + length.clamp_max(cap)


@lookup_buckets.fake
def _lookup_shape(codes: Tensor, tables: Tensor, items: Tensor, *rest: object, **more: object) -> tuple[Tensor, Tensor]:
    found = torch.library.get_ctx().new_dynamic_size()
    return tables.new_empty(found), tables.new_empty(len(codes) + 1)


@lookup_buckets.kernel
def _lookup_buckets_cpu(
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
    codes = given("codes", codes, torch.int32, None, None)
    tables = given("tables", tables, torch.int64, *codes.shape)
    items, offsets = given("items", items, torch.int32, None, None), given("offsets", offsets, torch.int32, None, None)
    side_items = optional("side_items", side_items, torch.int32, len(items), None)
    side_offsets = optional("side_offsets", side_offsets, torch.int32, *offsets.shape)
    hidden = optional("hidden", hidden, torch.bool, items.shape[1])
    window = optional("window", window, torch.float32, *codes.shape)
    num_queries, num_visits = codes.shape
    num_items, num_buckets = items.shape[1], offsets.shape[1] - 1
    num_side = 0 if side_items is None else side_items.shape[1]
    spans = torch.empty(num_queries, num_visits, 4, dtype=torch.int64)  # begin and end in main and side items
    bounds = torch.empty(num_queries + 1, dtype=torch.int64)
    shape = (num_queries, num_visits, num_items, num_side, num_buckets)
    most = count(
        "locate_buckets",
        *shape,
        codes,
        tables,
        offsets,
        side_offsets,
        window,
        cap,
        spans,
        bounds,
    )
    ids, found = torch.empty(most, dtype=torch.int64), torch.empty(num_queries + 1, dtype=torch.int64)
    call("collect_items", *shape, items, side_items, hidden, spans, min_count, enough, bounds, ids, found)
    return ids[: int(found[-1])], found
