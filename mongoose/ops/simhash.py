"""SimHash codes: the signs of random projections, packed into integers.

Source: Charikar 2002; MONGOOSE's `fingerprint` kernel (slide_lib/simHash.py) packs the same bits.
"""

import torch
from torch import Tensor

MAX_BITS = 24  # a table has 2**K buckets; up to 24 bits a float32 dot product packs exactly


def simhash(x: Tensor, planes: Tensor, num_tables: int) -> Tensor:
    """Hash every row of `x` into one code per table.

    Args:
        x: [N, D] float rows.
        planes: [D, L*K] hyperplane normals; table l owns columns l*K … l*K+K-1.
        num_tables: L.

    Returns:
        [N, L] int64 codes in [0, 2**K). Bit j is set where the projection on plane j is > 0; a projection of 0 gives 0.

    Raises:
        ValueError: L does not divide the number of planes, or K is not in 1 … 24.
    """
    num_bits = bits_per_table(planes, num_tables)
    bits = (x @ planes > 0).float().view(-1, num_tables, num_bits)
    return (bits @ 2.0 ** torch.arange(num_bits, device=x.device)).long()


def bits_per_table(planes: Tensor, num_tables: int) -> int:
    """K, the number of planes that each of the `num_tables` tables owns."""
    num_planes = planes.shape[1]
    if num_tables < 1 or num_planes % num_tables:
        raise ValueError(f"{num_planes} planes cannot be shared by num_tables={num_tables}; L must divide L*K.")
    num_bits = num_planes // num_tables
    if not 1 <= num_bits <= MAX_BITS:
        raise ValueError(f"num_bits={num_bits} a table; 1 … {MAX_BITS} are accepted, since a table has 2**K buckets.")
    return num_bits


def bit_distance(a: Tensor, b: Tensor) -> Tensor:
    """Number of bits in which codes differ, elementwise; codes of at most 24 bits, any shape, int64."""
    return sum(((a ^ b) >> bit & 1 for bit in range(MAX_BITS)), torch.zeros_like(a))
