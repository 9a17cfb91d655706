"""Prefix sums on CUDA kernels, and what they make: lists whose length only the device knows."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch

SCANNED = 1024  # numbers that a block of the kernel `scan` takes


def offsets_of(counts: Tensor) -> Tensor:
    """[n] int64 → [n + 1] int64: entry i is the sum of the counts before i."""
    offsets = counts.new_empty(len(counts) + 1)
    totals = counts.new_empty(len(counts) // SCANNED + 1)
    launch("scan", counts=counts, offsets=offsets, totals=totals)
    if len(totals) > 1:
        launch("add_totals", offsets=offsets, before=offsets_of(totals), n=len(counts))
    return offsets


def counted(counts: Tensor) -> Tensor:
    """The places of [n] int64 that hold a 1 and not a 0, ascending. Reads from the device how many they are."""
    offsets = offsets_of(counts)
    places = counts.new_empty(int(offsets[-1]))
    launch("list_counted", offsets=offsets, places=places, n=len(counts))
    return places


def joined(rows: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """The first found[b] ids of every row b, laid end to end: ids and offsets of `Candidates`.

    Args:
        rows: [B, width] int32 or int64. found: [B] int64. Reads from the device how many ids they are in all.
    """
    offsets = offsets_of(found)
    ids = torch.empty(int(offsets[-1]), dtype=torch.int64, device=rows.device)
    launch("join_rows", rows=rows, offsets=offsets, skip=None, ids=ids)
    return ids, offsets
