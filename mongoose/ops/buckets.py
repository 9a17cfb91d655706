"""Buckets as compressed rows: build them from codes, look codes up in them."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from mongoose.ops.ragged import ranges


class Buckets(NamedTuple):
    """L tables over N items. Bucket c of table l holds `items[l, offsets[l, c]:offsets[l, c + 1]]`, ids ascending.

    items: [L, N] int64. offsets: [L, 2**K + 1] int64.
    """

    items: Tensor
    offsets: Tensor


def build_buckets(codes: Tensor, num_buckets: int) -> Buckets:
    """Group the items of every table by code.

    Args:
        codes: [N, L] int64 in [0, num_buckets).
    """
    num_tables = codes.shape[1]
    by_table = codes.t().contiguous()
    items = torch.sort(by_table.int(), dim=1, stable=True).indices
    keys = by_table + num_buckets * torch.arange(num_tables, device=codes.device).unsqueeze(1)
    counts = torch.bincount(keys.flatten(), minlength=num_tables * num_buckets).view(num_tables, num_buckets)
    offsets = torch.zeros(num_tables, num_buckets + 1, dtype=torch.int64, device=codes.device)
    torch.cumsum(counts, dim=1, out=offsets[:, 1:])
    return Buckets(items, offsets)


def lookup_buckets(
    buckets: Buckets,
    codes: Tensor,
    *,
    cap: int | None = None,
    limit: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Every item that shares a code with a query in some table, once per shared table.

    Args:
        codes: [B, L] int64, the queries' codes.
        cap: of a bucket with more items than this, take a run of `cap` items that starts at a random one.
        limit: visit tables in random order until a query has this many items (SLIDE's vanilla sampling).
        generator: the source of starts and order; needed with `cap` or `limit`.

    Returns:
        (query, item): two int64 vectors of equal length, in no particular order.
    """
    num_queries, num_tables = codes.shape
    table = torch.arange(num_tables, device=codes.device)
    if limit is not None:
        table = torch.randperm(num_tables, generator=generator, device=codes.device)
    codes, table = codes[:, table], table.expand(num_queries, num_tables)
    start = buckets.offsets[table, codes]
    length = buckets.offsets[table, codes + 1] - start
    if cap is not None:
        spare = (length - cap).clamp_min(0)
        start = start + (torch.rand(spare.shape, generator=generator, device=codes.device) * (spare + 1)).long()
        length = length.clamp_max(cap)
    if limit is not None:
        length = torch.where(length.cumsum(1) - length < limit, length, 0)
    slot, position = ranges(start.flatten(), length.flatten())
    return slot // num_tables, buckets.items[table.flatten()[slot], position]
