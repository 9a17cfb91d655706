"""Sets of ids: one a sample, or one a batch."""

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_ids, given_sets
from mongoose.native.library import call, count
from mongoose.ops.backend import op


@op("group")
def group(sample: Tensor, ids: Tensor, num_samples: int) -> tuple[Tensor, Tensor]:
    """Gather (sample, id) pairs, in any order and with repeats, into ascending sets.

    Args:
        sample: [n] int64 in [0, num_samples). ids: [n] int64 ≥ 0.

    Returns:
        ids [nnz] int64 and offsets [num_samples + 1] int64, as in `Candidates`.
    """
    width = int(ids.max()) + 1 if ids.numel() else 1
    keys = torch.unique(sample * width + ids)
    counts = torch.bincount(keys // width, minlength=num_samples)
    return keys % width, torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@group.fake
def _group_shape(sample: Tensor, ids: Tensor, num_samples: int) -> tuple[Tensor, Tensor]:
    found = torch.library.get_ctx().new_dynamic_size()
    return ids.new_empty(found), ids.new_empty(num_samples + 1)


@group.kernel
def _group_cpu(sample: Tensor, ids: Tensor, num_samples: int) -> tuple[Tensor, Tensor]:
    sample, ids = given_ids("sample", sample, num_samples), given("ids", ids, torch.int64, len(sample))
    grouped, offsets = torch.empty_like(ids), torch.empty(num_samples + 1, dtype=torch.int64)
    call("group", len(ids), num_samples, sample, ids, grouped, offsets)
    return grouped[: int(offsets[-1])], offsets


@op("distinct")
def distinct(ids: Tensor, num_items: int) -> tuple[Tensor, Tensor]:
    """The distinct ids of a list, ascending, and where each entry of the list is among them.

    Args:
        ids: [n] int64 in [0, num_items).

    Returns:
        distinct ids [U] int64, positions [n] int64.
    """
    found, positions = torch.unique(ids, return_inverse=True)
    return found, positions


@distinct.fake
def _distinct_shape(ids: Tensor, num_items: int) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), torch.empty_like(ids)


@distinct.kernel
def _distinct_cpu(ids: Tensor, num_items: int) -> tuple[Tensor, Tensor]:
    ids = given_ids("ids", ids, num_items)
    found, positions = torch.empty_like(ids), torch.empty_like(ids)
    size = count("distinct", len(ids), num_items, ids, found, positions)
    return found[:size], positions


@op("contains")
def contains(set_ids: Tensor, set_offsets: Tensor, sample: Tensor, ids: Tensor) -> Tensor:
    """Whether the set of each sample holds an id.

    Args:
        set_ids, set_offsets: ids and offsets of `Candidates`. sample, ids: [n] int64, the pairs to look for.

    Returns:
        [n] bool.
    """
    width = int(max(set_ids.max() if set_ids.numel() else 0, ids.max() if ids.numel() else 0)) + 1
    return torch.isin(sample * width + ids, torch.repeat_interleave(set_offsets.diff()) * width + set_ids)


@contains.fake
def _contains_shape(set_ids: Tensor, set_offsets: Tensor, sample: Tensor, ids: Tensor) -> Tensor:
    return torch.empty_like(ids, dtype=torch.bool)


@contains.kernel
def _contains_cpu(set_ids: Tensor, set_offsets: Tensor, sample: Tensor, ids: Tensor) -> Tensor:
    sets = given_sets("sets", set_ids, set_offsets, torch.iinfo(torch.int64).max)
    sample, ids = given_ids("sample", sample, len(sets[1]) - 1), given("ids", ids, torch.int64, len(sample))
    found = torch.empty_like(ids, dtype=torch.bool)
    call("contains", len(ids), *sets, sample, ids, found)
    return found
