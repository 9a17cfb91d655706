"""Buckets as compressed rows: build them from codes, look codes up in them."""

from collections.abc import Sequence
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
    parts: Sequence[Buckets],
    codes: Tensor,
    tables: Tensor,
    *,
    cap: int | None = None,
    generator: Generator | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """Every item that shares a code with a query in a table that the query visits, once per shared table.

    Args:
        parts: buckets of the same tables; a bucket of the whole is the buckets of all parts, laid end to end.
        codes: [B, T] int64, each query's codes in the tables it visits. tables: [B, T] int64, those tables.
        cap: of a bucket with more items than this, take a run of `cap` items that starts at a random one.
        generator: the source of the starts; needed with `cap`.

    Returns:
        For each part (query, item): two int64 vectors of equal length, in no particular order.
    """
    starts = [part.offsets[tables, codes] for part in parts]
    lengths = [part.offsets[tables, codes + 1] - start for part, start in zip(parts, starts, strict=True)]
    first, last = _window(torch.stack(lengths).sum(0), cap, generator)
    found = []
    for part, start, length in zip(parts, starts, lengths, strict=True):
        begin, end = torch.minimum(first.clamp_min(0), length), torch.minimum(last.clamp_min(0), length)
        slot, position = ranges((start + begin).flatten(), (end - begin).flatten())
        found.append((slot // codes.shape[1], part.items[tables.flatten()[slot], position]))
        first, last = first - length, last - length
    return found


def _window(length: Tensor, cap: int | None, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """First and one past the last position to take of buckets of these lengths."""
    if cap is None:
        return torch.zeros_like(length), length
    spare = (length - cap).clamp_min(0)
    first = (torch.rand(length.shape, generator=generator, device=length.device) * (spare + 1)).long()
    return first, first + length.clamp_max(cap)
