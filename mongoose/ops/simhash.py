"""SimHash codes: the signs of random projections, packed into integers.

Source: Charikar 2002; MONGOOSE's `fingerprint` kernel (slide_lib/simHash.py) packs the same bits.
"""

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional
from mongoose.native.library import call, count, instance
from mongoose.ops.backend import op

MAX_BITS = 24  # a table has 2**K buckets; up to 24 bits a float32 dot product packs exactly
BLOCK = 4096  # rows whose projections are held at once
LANES = 16  # of simhash.cpp


@op("simhash")
def simhash(x: Tensor, planes: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    """Hash every row of `x` into one code per table.

    Args:
        x: [N, D] float rows.
        planes: [D, L*K] hyperplane normals; table l owns columns l*K … l*K+K-1.
        num_tables: L.
        offset: [L*K] what a projection is compared with, or None for 0. `c @ planes` hashes x − c without forming it.

    Returns:
        [N, L] int32 codes in [0, 2**K). Bit j is set where the projection on plane j is > its offset; one that equals
        it gives 0.

    Raises:
        ValueError: L does not divide the number of planes, or K is not in 1 … 24.
    """
    bits_per_table(planes, num_tables)
    return pack_bits(x @ planes > (0 if offset is None else offset), num_tables)


def pack_bits(bits: Tensor, num_tables: int) -> Tensor:
    """[N, L*K] bool → [N, L] int32 codes: table l owns bits l*K … l*K+K-1, and its j-th is worth 2**j."""
    num_bits = bits.shape[1] // num_tables
    weights = 2.0 ** torch.arange(num_bits, device=bits.device)
    return (bits.view(-1, num_tables, num_bits).float() @ weights).int()


@simhash.fake
def _shape(x: Tensor, planes: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@simhash.kernel
def _simhash_cpu(x: Tensor, planes: Tensor, num_tables: int, offset: Tensor | None = None) -> Tensor:
    num_bits = bits_per_table(planes, num_tables)
    codes = torch.empty(len(x), num_tables, dtype=torch.int32)
    width = -(-min(BLOCK, len(x)) // LANES) * LANES
    projected = x.new_zeros(planes.shape[1], width)  # a row a plane: the kernel packs several codes at once
    offset = None if offset is None else offset.to(x.dtype)
    offset = optional("offset", offset, x.dtype, planes.shape[1])
    by_plane = planes.t().contiguous()
    for rows, out in zip(x.split(BLOCK), codes.split(BLOCK), strict=True):
        torch.mm(by_plane, rows.t(), out=projected[:, : len(rows)])
        call(instance("pack_bits", x.dtype), len(rows), width, num_tables, num_bits, projected, offset, out)
    return codes


def bits_per_table(planes: Tensor, num_tables: int) -> int:
    """K, the number of planes that each of the `num_tables` tables owns."""
    num_planes = planes.shape[1]
    if num_tables < 1 or num_planes % num_tables:
        raise ValueError(f"{num_planes} planes cannot be shared by num_tables={num_tables}; L must divide L*K.")
    num_bits = num_planes // num_tables
    if not 1 <= num_bits <= MAX_BITS:
        raise ValueError(f"num_bits={num_bits} a table; 1 … {MAX_BITS} are accepted, since a table has 2**K buckets.")
    return num_bits


@op("changed_rows")
def changed_rows(codes: Tensor, known: Tensor) -> Tensor:
    """The rows in which two sets of codes, both [N, L] int32, differ: [m] int64, ascending."""
    return (codes != known).any(1).nonzero().squeeze(1)


@changed_rows.fake
def _some_rows(codes: Tensor, known: Tensor) -> Tensor:
    return codes.new_empty(torch.library.get_ctx().new_dynamic_size(), dtype=torch.int64)


@changed_rows.kernel
def _changed_rows_cpu(codes: Tensor, known: Tensor) -> Tensor:
    codes = given("codes", codes, torch.int32, None, None)
    known, rows = given("known", known, torch.int32, *codes.shape), torch.empty(len(codes), dtype=torch.int64)
    return rows[: count("changed_rows", *codes.shape, codes, known, rows)].clone()


@op("bit_distance")
def bit_distance(a: Tensor, b: Tensor) -> Tensor:
    """Number of bits in which codes differ, elementwise; int32 of any equal shape in, int32 out.

    Raises:
        ValueError: they are not int32.
    """
    _check_codes(a, b)
    return sum(((a ^ b) >> bit & 1 for bit in range(32)), torch.zeros_like(a))


@bit_distance.fake
def _same(a: Tensor, b: Tensor) -> Tensor:
    return torch.empty_like(a)


@bit_distance.kernel
def _bit_distance_cpu(a: Tensor, b: Tensor) -> Tensor:
    a, b = (given("codes", t, torch.int32, *a.shape) for t in (a, b))
    distance = torch.empty_like(a)
    call("bit_distance", a.numel(), a, b, distance)
    return distance


def _check_codes(a: Tensor, b: Tensor) -> None:
    if a.dtype is not torch.int32 or b.dtype is not torch.int32:
        raise ValueError(f"codes of dtypes {a.dtype} and {b.dtype}; both must be torch.int32.")
