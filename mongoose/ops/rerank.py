"""The best of each query's candidates, by their exact inner products."""

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_sets
from mongoose.native.library import call, instance
from mongoose.ops.backend import op


@op("rerank")
def rerank(x: Tensor, weight: Tensor, bias: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The `keep` candidates of each query with the largest scores x·w + b (numbers); all, where it has fewer.

    Args:
        x: [B, D]. weight: [N, D]; the kernel also takes bfloat16 rows, which cost half the memory traffic. bias: [N].
        ids, offsets: the candidates, as in `Candidates`.

    Returns:
        ids [nnz] int64 and offsets [B + 1] int64, as in `Candidates`.
    """
    sample = torch.repeat_interleave(offsets.diff())
    return best_of_each.reference((x[sample] * weight[ids].to(x.dtype)).sum(1) + bias[ids], ids, offsets, keep)


@op("best_of_each")
def best_of_each(score: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Each sample's ids of the `keep` largest scores, ascending; of equal scores the lower id.

    Args:
        score: [nnz] numbers. ids, offsets: as in `Candidates`; so are the ids and offsets that come back.
    """
    sample = torch.repeat_interleave(offsets.diff())
    order = torch.argsort(score, descending=True, stable=True)
    order = order[torch.argsort(sample[order], stable=True)]
    rank = torch.arange(len(ids), device=ids.device) - offsets[sample]
    kept = order[rank < keep].sort().values
    counts = offsets.diff().clamp_max(keep)
    return ids[kept], torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@best_of_each.fake
def _best_shape(score: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), torch.empty_like(offsets)


@rerank.fake
def _rerank_shape(x: Tensor, weight: Tensor, bias: Tensor, ids: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), ids.new_empty(len(x) + 1)


@rerank.kernel
def _rerank_cpu(
    x: Tensor, weight: Tensor, bias: Tensor, ids: Tensor, offsets: Tensor, keep: int
) -> tuple[Tensor, Tensor]:
    x = given("x", x, x.dtype, None, None)
    batch, dim = x.shape
    half = weight.dtype is torch.bfloat16
    weight = given("weight", weight, torch.bfloat16 if half else x.dtype, None, dim)
    bias = given("bias", bias, x.dtype, len(weight))
    ids, offsets = given_sets("candidates", ids, offsets, len(weight), batch)
    kept, found = torch.empty(batch * keep, dtype=torch.int64), torch.empty(batch + 1, dtype=torch.int64)
    kernel = instance("rerank_mixed" if half else "rerank", x.dtype)
    call(kernel, batch, dim, keep, x, weight, bias, ids, offsets, kept, found)
    return kept[: int(found[-1])], found
