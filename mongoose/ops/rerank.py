"""The best of each query's candidates, by their exact inner products."""

import torch
from torch import Tensor

from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.simhash import bit_distance


@op("rerank")
def rerank(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    ids: Tensor,
    offsets: Tensor,
    keep: int,
    shortlist: int = 0,
    query_codes: Tensor | None = None,
    codes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The `keep` candidates of each query with the largest scores x·w + b; all, where it has fewer.

    Args:
        x: [B, D]. weight: [N, D]; the kernel also takes bfloat16 rows, which cost half the memory traffic. bias: [N].
        ids, offsets: the candidates, as in `Candidates`.
        shortlist: score only this many a query, those whose stored codes differ in the fewest bits from the query's
            (ties: the lower id); 0: score all.
        query_codes: [B, L] int32. codes: [N, L] int32. Both are needed with `shortlist`.

    Returns:
        ids [nnz] int64 and offsets [B + 1] int64, as in `Candidates`.
    """
    if shortlist:
        if query_codes is None or codes is None:
            raise ValueError(f"shortlist={shortlist} needs query_codes and codes; one is None.")
        sample = torch.repeat_interleave(offsets.diff())
        distance = bit_distance(query_codes[sample], codes[ids]).sum(1)
        ids, offsets = _best(-distance.to(x.dtype), ids, offsets, shortlist)
    sample = torch.repeat_interleave(offsets.diff())
    return _best((x[sample] * weight[ids].to(x.dtype)).sum(1) + bias[ids], ids, offsets, keep)


def _best(score: Tensor, ids: Tensor, offsets: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Each sample's ids of the `keep` largest scores, ascending; of equal scores the lower id."""
    sample = torch.repeat_interleave(offsets.diff())
    order = torch.argsort(score, descending=True, stable=True)
    order = order[torch.argsort(sample[order], stable=True)]
    rank = torch.arange(len(ids), device=ids.device) - offsets[sample]
    kept = order[rank < keep].sort().values
    counts = offsets.diff().clamp_max(keep)
    return ids[kept], torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@rerank.fake
def _rerank_shape(x: Tensor, weight: Tensor, bias: Tensor, ids: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), ids.new_empty(len(x) + 1)


@rerank.kernel
def _rerank_cpu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    ids: Tensor,
    offsets: Tensor,
    keep: int,
    shortlist: int = 0,
    query_codes: Tensor | None = None,
    codes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    batch, dim = x.shape
    kept, found = torch.empty(batch * keep, dtype=torch.int64), torch.empty(batch + 1, dtype=torch.int64)
    short = (None, None, 0) if not shortlist else (query_codes, codes, codes.shape[1])  # type: ignore[union-attr]
    kernel = "rerank_mixed" if weight.dtype == torch.bfloat16 else "rerank"
    call(
        instance(kernel, x.dtype),
        *(batch, dim, keep, shortlist, short[2]),
        *(t.contiguous() for t in (x, weight, bias, ids, offsets)),
        *(None if t is None else t.contiguous() for t in short[:2]),
        kept,
        found,
    )
    return kept[: int(found[-1])], found
