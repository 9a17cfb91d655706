"""Scores estimated from a few bytes a row, and the candidates whose estimates are largest."""

import math

import torch
from torch import Tensor

from mongoose.native.arguments import given, given_sets, optional
from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.rerank import best_of_each
from mongoose.ops.simhash import MAX_BITS, bit_distance

DIGEST = 4  # words of 32 bits that are known of a row: three of sketch, one of two numbers in bfloat16
SKETCH_BITS = 96


@op("shortlist")
def shortlist(
    ids: Tensor,
    offsets: Tensor,
    size: int,
    query_codes: Tensor,
    num_bits: int,
    digests: Tensor,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The `size` candidates of each query with the largest estimated scores (numbers); all, where it has fewer.

    Of d bits that differ among M, SimHash says that the angle is about π·d/M (Charikar 2002). With the centres that
    queries and rows were hashed around, x·w = (x − x̄)·(w − w̄) + x̄·w + (terms of x alone), which is estimated by
    |x − x̄|·|w − w̄|·cos(π·d/M) + x̄·w, for one line of memory a candidate instead of a row. The bias is left out.
    The law is SimHash's; for codes of other families the estimate is a guess.

    Args:
        ids, offsets: the candidates, as in `Candidates`. query_codes: [B, L] int32, of `num_bits` bits.
        digests: [N, 4] int32, of `describe_rows`. radius: [B] float32, |x − x̄|; without it candidates are ranked by
            the Hamming distance of their sketches alone.

    Returns:
        ids [nnz] int64 and offsets [B + 1] int64, as in `Candidates`. Of equal estimates the lower id goes first.
    """
    given_size(size)
    sample = torch.repeat_interleave(offsets.diff())
    width = math.prod(sketch_shape(query_codes.shape[1], num_bits))
    distance = bit_distance(sketch(query_codes, num_bits)[sample], digests[ids, :3]).sum(1)
    cosine = cosines(width).to(distance.device)[distance]
    if radius is None:
        return best_of_each.reference(cosine, ids, offsets, size)
    norm, prior = digests[ids, 3:].view(torch.bfloat16).float().unbind(1)
    return best_of_each.reference(prior + radius[sample] * norm * cosine, ids, offsets, size)


def cosines(width: int) -> Tensor:
    """[97] float32, on the CPU: cos(π·d/width) of the distances d = 0 … 96, the same bits for every device."""
    return torch.cos(math.pi / width * torch.arange(SKETCH_BITS + 1, dtype=torch.float64)).float()


@shortlist.fake
def _shortlist_shape(ids: Tensor, offsets: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return ids.new_empty(torch.library.get_ctx().new_dynamic_size()), torch.empty_like(offsets)


@shortlist.kernel
def _shortlist_cpu(
    ids: Tensor,
    offsets: Tensor,
    size: int,
    query_codes: Tensor,
    num_bits: int,
    digests: Tensor,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    (batch, tables), num_rows = query_codes.shape, len(digests)
    sketch_shape(tables, num_bits)
    given_size(size)
    ids, offsets = given_sets("candidates", ids, offsets, num_rows, batch)
    query_codes = given("query_codes", query_codes, torch.int32, batch, tables)
    digests = given("digests", digests, torch.int32, num_rows, DIGEST)
    radius = optional("radius", radius, torch.float32, batch)
    kept, found = torch.empty(batch * size, dtype=torch.int64), torch.empty_like(offsets)
    call("shortlist", batch, tables, num_bits, size, ids, offsets, query_codes, digests, radius, kept, found)
    return kept[: int(found[-1])], found


def sketch(codes: Tensor, num_bits: int) -> Tensor:
    """At most 96 bits of codes [N, L] of `num_bits` bits, the low ones of each side by side: [N, 3] int32."""
    tables, bits = sketch_shape(codes.shape[1], num_bits)
    low = (codes[:, :tables, None].long() >> torch.arange(bits, device=codes.device) & 1).flatten(1)
    padded = torch.nn.functional.pad(low, (0, SKETCH_BITS - tables * bits)).view(-1, 3, 32)
    return (padded << torch.arange(32, device=codes.device)).sum(2).int()


def given_size(size: int) -> int:
    """The size of a shortlist; ValueError unless it holds something."""
    if size < 1:
        raise ValueError(f"a shortlist of {size} rows; 1 or more are accepted.")
    return size


def sketch_shape(num_tables: int, num_bits: int) -> tuple[int, int]:
    """Of how many of L codes of K bits a sketch takes how many bits.

    Raises:
        ValueError: there is no code, or K is not in 1 … 24.
    """
    if num_tables < 1 or not 1 <= num_bits <= MAX_BITS:
        raise ValueError(f"{num_tables} codes of {num_bits} bits; accepted: 1 code or more, of 1 … {MAX_BITS} bits.")
    bits = min(num_bits, max(1, SKETCH_BITS // num_tables))
    return min(num_tables, SKETCH_BITS // bits), bits


@op("describe_rows")
def describe_rows(weight: Tensor, codes: Tensor, num_bits: int, centre: Tensor, direction: Tensor) -> Tensor:
    """What `shortlist` wants to know of each row: a sketch of its codes, |w − centre|, and direction·w.

    Args:
        weight: [N, D]. codes: [N, L] int32, of `num_bits` bits. centre, direction: [D].

    Returns:
        [N, 4] int32: the sketch, and the bits of the other two in bfloat16. Side by side, since each candidate's are
        read from another place in memory.
    """
    numbers = torch.stack([(weight - centre.to(weight.dtype)).norm(dim=1), weight @ direction.to(weight.dtype)], dim=1)
    return torch.cat([sketch(codes, num_bits), numbers.float().bfloat16().view(torch.int32)], dim=1)


@describe_rows.fake
def _digests_shape(weight: Tensor, *rest: object) -> Tensor:
    return weight.new_empty(len(weight), DIGEST, dtype=torch.int32)


@describe_rows.kernel
def _describe_rows_cpu(weight: Tensor, codes: Tensor, num_bits: int, centre: Tensor, direction: Tensor) -> Tensor:
    (num_rows, dim), (_, tables), dtype = weight.shape, codes.shape, weight.dtype
    sketch_shape(tables, num_bits)
    digests = torch.empty(num_rows, DIGEST, dtype=torch.int32)
    call(
        instance("describe_rows", dtype),
        *(num_rows, dim, tables, num_bits),
        given("weight", weight, dtype, None, None),
        given("codes", codes, torch.int32, num_rows, tables),
        given("centre", centre.to(dtype), dtype, dim),
        given("direction", direction.to(dtype), dtype, dim),
        digests,
    )
    return digests
