"""MinHash codes: the first coordinate, in a random order, of the set of a row's largest ones.

Sources: Broder 1997 (MinHash); SLIDE, appendix A (the set is the top k); Li & König 2010 (labels of a few bits).
"""

from functools import reduce

import torch
from torch import Tensor

from mongoose.ops.backend import op

BLOCK = 1 << 22  # ranks held at once


@op("minhash")
def minhash(
    x: Tensor, ranks: Tensor, labels: Tensor, num_tables: int, top: int, centre: Tensor | None = None
) -> Tensor:
    """Hash every row of `x` by the set of its `top` largest coordinates.

    Args:
        x: [N, D] float rows.
        ranks: [L*h, D] integers, a permutation of 0 … D-1 each: hash q finds the set's coordinate of the lowest rank.
            Table l owns hashes l*h … .
        labels: [L*h, D] int32 ≥ 0, what hash q is worth when it finds rank r.
        num_tables: L. top: k, in 1 … D.
        centre: [D] what is subtracted from every row first, or None.

    Returns:
        [N, L] int32: the labels of a table's hashes, combined by exclusive or.

    Raises:
        ValueError: the shapes do not fit.
    """
    check_hashes(labels, num_tables, top, x.shape[1])
    if not ranks.shape == labels.shape == (len(labels), x.shape[1]):
        raise ValueError(
            f"ranks of shape {tuple(ranks.shape)} and labels of {tuple(labels.shape)}; expected [L*h, {x.shape[1]}]."
        )
    size = max(1, BLOCK // max(x.shape[1], top * len(ranks)))
    return torch.cat([_codes(largest(rows, top, centre), ranks, labels, num_tables) for rows in x.split(size)])


def largest(x: Tensor, top: int, centre: Tensor | None = None) -> Tensor:
    """[N, D] → [N, top] int64, the coordinates in which x − centre is largest; of equal ones, the first."""
    return (x if centre is None else x - centre).argsort(dim=1, descending=True, stable=True)[:, :top]


def _codes(coordinates: Tensor, ranks: Tensor, labels: Tensor, num_tables: int) -> Tensor:
    lowest = ranks[:, coordinates].amin(dim=2).long()
    return mixed(labels.gather(1, lowest), num_tables)


def mixed(found: Tensor, num_tables: int) -> Tensor:
    """[L*h, n] labels, one a hash → [n, L] codes, by exclusive or over the hashes of a table."""
    by_table = found.view(num_tables, len(found) // num_tables, found.shape[1])
    return reduce(torch.bitwise_xor, by_table.unbind(1)).t().contiguous()


@minhash.fake
def _shape(x: Tensor, ranks: Tensor, labels: Tensor, num_tables: int, top: int, centre: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


def check_hashes(labels: Tensor, num_tables: int, top: int, dim: int) -> None:
    """Raises ValueError unless `labels` are int32, L divides their rows, and sets of `top` of D coordinates exist."""
    if labels.dtype is not torch.int32:
        raise ValueError(f"{labels.dtype} labels; they must be torch.int32.")
    if num_tables < 1 or not len(labels) or len(labels) % num_tables:
        raise ValueError(f"{len(labels)} hashes cannot be shared by num_tables={num_tables}; L must divide L*h.")
    if not 1 <= top <= dim:
        raise ValueError(f"top={top} of {dim} coordinates; 1 … {dim} are accepted.")
