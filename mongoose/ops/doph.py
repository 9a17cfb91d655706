"""One-permutation MinHash codes: a permutation is cut into bins, each holds a minimum, an empty one borrows another's.

Sources: Li, Owen & Zhang 2012 (bins); Shrivastava & Li 2014, Shrivastava 2017 (densification; by random probes).
"""

import torch
from torch import Tensor

from mongoose.ops.backend import op
from mongoose.ops.minhash import BLOCK, check_hashes, largest, mixed
from mongoose.ops.wta import fill_empty


@op("doph")
def doph(x: Tensor, places: Tensor, probes: Tensor, labels: Tensor, top: int, centre: Tensor | None = None) -> Tensor:
    """Hash every row of `x` by the set of its `top` largest coordinates.

    Args:
        x: [N, D] float rows.
        places: [L, D] integers: where table l's permutation puts coordinate d, in 0 … h·S-1, each place once at most.
            Bin q holds places q·S … q·S+S-1; its minimum is the first that a member of the set has.
        probes: [h, 2], where a bin without members looks for another's minimum, as in `mongoose.ops.wta.dwta`.
        labels: [L*h, h*S] int32 ≥ 0, what bin q of table l (row l·h + q) is worth when its minimum, its own or
            borrowed, is at a place.
        top: k, in 1 … D.
        centre: [D] what is subtracted from every row first, or None.

    Returns:
        [N, L] int32: the labels of a table's bins, combined by exclusive or.

    Raises:
        ValueError: the shapes do not fit.
    """
    num_tables, dim = places.shape
    check_hashes(labels, num_tables, top, dim)
    num_bins = len(labels) // num_tables
    if dim != x.shape[1] or labels.shape[1] % num_bins or labels.shape[1] < dim or probes.shape != (num_bins, 2):
        raise ValueError(
            f"places of shape {tuple(places.shape)}, probes of {tuple(probes.shape)} and labels of "
            f"{tuple(labels.shape)} for D={x.shape[1]}; expected [L, D], [h, 2] and [L*h, h*S], h*S at least D."
        )
    size = max(1, BLOCK // max(dim, num_tables * top))
    minima = (_minima(places[:, largest(rows, top, centre)], labels.shape[1], probes) for rows in x.split(size))
    return torch.cat([mixed(labels.gather(1, found), num_tables) for found in minima])


def _minima(places: Tensor, width: int, probes: Tensor) -> Tensor:
    """[L, n, k] places of members, below `width` → [L*h, n] the places that bins have or borrow."""
    num_tables, rows, _ = places.shape
    num_bins = len(probes)
    first = places.new_full((num_tables, rows, num_bins), width)
    first.scatter_reduce_(2, (places // (width // num_bins)).long(), places, "amin")
    filled = fill_empty(torch.where(first < width, first, -1).flatten(0, 1), probes)
    return filled.view(num_tables, rows, num_bins).transpose(1, 2).reshape(num_tables * num_bins, rows).long()


@doph.fake
def _shape(x: Tensor, places: Tensor, probes: Tensor, labels: Tensor, top: int, centre: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), len(places), dtype=torch.int32)
