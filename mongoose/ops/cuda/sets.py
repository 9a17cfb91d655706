"""Sets of ids on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, given_ids, given_sets
from mongoose.ops.cuda.lists import offsets_of
from mongoose.ops.cuda.radix_sort import sorted_keys
from mongoose.ops.sets import contains, distinct, group

MAX_KEY = torch.iinfo(torch.int64).max


@group.cuda
def _group(sample: Tensor, ids: Tensor, num_samples: int) -> tuple[Tensor, Tensor]:
    """Sorts the pairs as numbers of 64 bits, and lists where a number differs from the one before.

    Raises:
        ValueError: samples or ids are out of bounds, or a pair does not fit 64 bits.
    """
    sample, ids = given_ids("sample", sample, num_samples), given("ids", ids, torch.int64, len(sample))
    width = int(ids.max()) + 1 if len(ids) else 1
    if (len(ids) and int(ids.min()) < 0) or width * num_samples > MAX_KEY:
        raise ValueError(f"ids up to {width - 1} of {num_samples} samples; accepted: from 0, pairs below 2**63.")
    keys = sorted_keys((sample * width + ids).view(1, -1), width * max(1, num_samples)).view(-1)
    first, bounds = torch.empty_like(keys), keys.new_empty(1, num_samples + 1)
    launch("mark_first", keys=keys, first=first)
    launch("find_bounds", keys=keys.view(1, -1), bounds=bounds, C=num_samples, step=width)
    before = offsets_of(first)
    places = keys.new_empty(int(before[-1]))
    launch("list_counted", offsets=before, places=places, n=len(keys))
    return keys[places] % width, before[bounds.view(-1)]


@distinct.cuda
def _distinct(ids: Tensor, num_items: int) -> tuple[Tensor, Tensor]:
    ids = given_ids("ids", ids, num_items)
    bits = torch.zeros(num_items // 32 + 1, dtype=torch.int32, device=ids.device)
    launch("mark_members", ids=ids, bits=bits)
    counts, positions = ids.new_empty(len(bits)), torch.empty_like(ids)
    launch("count_members", bits=bits, counts=counts)
    offsets = offsets_of(counts)
    launch("rank_members", ids=ids, bits=bits, offsets=offsets, positions=positions)
    members = ids.new_empty(int(offsets[-1]))
    launch("list_members", bits=bits, offsets=offsets, members=members)
    return members, positions


@contains.cuda
def _contains(set_ids: Tensor, set_offsets: Tensor, sample: Tensor, ids: Tensor) -> Tensor:
    set_ids, set_offsets = given_sets("sets", set_ids, set_offsets, MAX_KEY)
    sample, ids = given_ids("sample", sample, len(set_offsets) - 1), given("ids", ids, torch.int64, len(sample))
    found = torch.empty_like(ids, dtype=torch.bool)
    sets = {"set_ids": set_ids, "set_offsets": set_offsets}
    launch("find_members", **sets, sample=sample, ids=ids, found=found, B=len(set_offsets) - 1)
    return found
