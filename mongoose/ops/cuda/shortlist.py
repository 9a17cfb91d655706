"""Shortlists by estimated scores on CUDA kernels."""

from functools import cache

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.native.arguments import given, given_sets, optional
from mongoose.ops.rerank import best_of_each
from mongoose.ops.shortlist import DIGEST, cosines, describe_rows, given_size, shortlist, sketch_shape


@shortlist.cuda
def _shortlist(
    ids: Tensor,
    offsets: Tensor,
    size: int,
    query_codes: Tensor,
    num_bits: int,
    digests: Tensor,
    radius: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The estimates are the definition's to the last bit, but where a GPU fuses a product into a sum."""
    given_size(size)
    batch, tables = query_codes.shape
    taken, bits = sketch_shape(tables, num_bits)
    ids, offsets = given_sets("candidates", ids, offsets, len(digests), batch)
    query_codes = given("query_codes", query_codes, torch.int32, batch, tables)
    digests = given("digests", digests, torch.int32, len(digests), DIGEST)
    radius = optional("radius", radius, torch.float32, batch)
    sketches = query_codes.new_empty(batch, DIGEST - 1)
    launch("sketch_codes", codes=query_codes, sketches=sketches, taken=taken, bits=bits)
    cosine = _cosines(taken * bits, ids.device)
    known = {"sketches": sketches, "digests": digests, "cosine": cosine, "radius": radius}
    scores = torch.empty(len(ids), dtype=torch.float32, device=ids.device)
    launch("estimate_scores", **known, ids=ids, offsets=offsets, scores=scores)
    return best_of_each.direct(scores, ids, offsets, size)


@cache
def _cosines(width: int, device: torch.device) -> Tensor:
    """`cosines` on a device: copied there once."""
    return cosines(width).to(device)


@describe_rows.cuda
def _describe_rows(weight: Tensor, codes: Tensor, num_bits: int, centre: Tensor, direction: Tensor) -> Tensor:
    taken, bits = sketch_shape(codes.shape[1], num_bits)
    digests = codes.new_empty(len(weight), DIGEST)
    given_rows = {"weight": weight.contiguous(), "codes": given("codes", codes, torch.int32, len(weight), None)}
    centre, direction = (vector.to(weight.dtype).contiguous() for vector in (centre, direction))
    launch("describe_rows", **given_rows, centre=centre, direction=direction, digests=digests, taken=taken, bits=bits)
    return digests
