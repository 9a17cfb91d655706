"""Scores estimated from stored codes, and the candidates whose estimates are largest."""

import math

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_sets
from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.rerank import best_of_each
from mongoose.ops.simhash import bit_distance


@op("shortlist")
def shortlist(
    ids: Tensor,
    offsets: Tensor,
    size: int,
    query_codes: Tensor,
    codes: Tensor,
    num_bits: int,
    radius: Tensor | None = None,
    traits: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The `size` candidates of each query with the largest estimated scores; all, where it has fewer.

    Of d bits that differ among M, SimHash says that the angle is about π·d/M (Charikar 2002). With the centres that
    queries and rows were hashed around, x·w = (x − x̄)·(w − w̄) + x̄·w + (terms of x alone), which is estimated by
    |x − x̄|·|w − w̄|·cos(π·d/M) + x̄·w, for two lines of memory a candidate instead of a row. The bias is left out.
    The law is SimHash's; for codes of other families the estimate is a guess.

    Args:
        ids, offsets: the candidates, as in `Candidates`. query_codes: [B, L] int32. codes: [N, L] int32.
        num_bits: M, the bits of all L codes of a row together.
        radius: [B] float32, |x − x̄|. traits: [N, 2] float32, |w − w̄| and x̄·w; see `row_traits`. Without them
            candidates are ranked by Hamming distance alone.

    Returns:
        ids [nnz] int64 and offsets [B + 1] int64, as in `Candidates`. Of equal estimates the lower id goes first.
    """
    sample = torch.repeat_interleave(offsets.diff())
    distance = bit_distance(query_codes[sample], codes[ids]).sum(1)
    cosine = torch.cos(math.pi / num_bits * torch.arange(num_bits + 1, dtype=torch.float64)).float()[distance]
    if radius is None or traits is None:
        return best_of_each(cosine, ids, offsets, size)
    norm, prior = traits[ids].unbind(1)
    return best_of_each(prior + radius[sample] * norm * cosine, ids, offsets, size)


@shortlist.fake
def _shortlist_shape(ids: Tensor, offsets: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), torch.empty_like(offsets)


@shortlist.kernel
def _shortlist_cpu(
    ids: Tensor,
    offsets: Tensor,
    size: int,
    query_codes: Tensor,
    codes: Tensor,
    num_bits: int,
    radius: Tensor | None = None,
    traits: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    batch, (num_rows, tables) = len(query_codes), codes.shape
    ids, offsets = given_sets("candidates", ids, offsets, num_rows, batch)
    query_codes = given("query_codes", query_codes, torch.int32, batch, tables)
    codes = given("codes", codes, torch.int32, num_rows, tables)
    estimate = given_estimate(radius, traits, batch, num_rows)
    kept, found = torch.empty(batch * size, dtype=torch.int64), torch.empty_like(offsets)
    call("shortlist", batch, tables, num_bits, size, ids, offsets, query_codes, codes, *estimate, kept, found)
    return kept[: int(found[-1])], found


def given_estimate(
    radius: Tensor | None, traits: Tensor | None, batch: int, num_rows: int
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Radii and traits as a kernel takes them; None for both, if one is missing."""
    if radius is None or traits is None:
        return None, None
    return given("radius", radius.float(), torch.float32, batch), given("traits", traits, torch.float32, num_rows, 2)


@op("row_traits")
def row_traits(weight: Tensor, centre: Tensor, direction: Tensor) -> Tensor:
    """What `shortlist` wants to know of each row: |w − centre| and direction·w.

    Args:
        weight: [N, D]. centre, direction: [D].

    Returns:
        [N, 2] float32.
    """
    return torch.stack([(weight - centre).norm(dim=1), weight @ direction], dim=1).float()


@row_traits.fake
def _traits_shape(weight: Tensor, centre: Tensor, direction: Tensor) -> Tensor:
    return weight.new_empty(len(weight), 2, dtype=torch.float32)


@row_traits.kernel
def _row_traits_cpu(weight: Tensor, centre: Tensor, direction: Tensor) -> Tensor:
    num_rows, dim = weight.shape
    weight = given("weight", weight, weight.dtype, None, None)
    centre = given("centre", centre.to(weight.dtype), weight.dtype, dim)
    direction = given("direction", direction.to(weight.dtype), weight.dtype, dim)
    traits = torch.empty(num_rows, 2)
    call(instance("row_traits", weight.dtype), num_rows, dim, weight, centre, direction, traits)
    return traits
