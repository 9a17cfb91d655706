"""Densified one-permutation hashing of a row's largest coordinates: a code's minima in one pass over the set."""

from math import comb, lgamma

import torch
from torch import Generator, Tensor

from mongoose.hashing.dwta import draw_probes
from mongoose.hashing.minhash import MinHash, draw_labels
from mongoose.hashing.permutations import draw_permutations
from mongoose.ops.doph import doph


class DOPH(MinHash):
    """MinHash that takes a code's h minima from one permutation, cut into h bins; a bin without members borrows one.

    A table looks at each of the k members once, where MinHash does h times. One minimum agrees with probability J. All
    of a code's do more rarely than J^h, since no two of them are the same member: with i of u members shared and M bins
    that any of them falls into, with i!/(i−M)! · (u−M)!/u!, averaged over M. This law is exact too.

    Args:
        As MinHash's; there may be no more hashes than coordinates.

    Raises:
        ValueError: as MinHash; or h > D.

    Source: Li, Owen & Zhang 2012; Shrivastava & Li 2014; Shrivastava 2017; SLIDE, appendix A. Differs from SLIDE's
    release: a permutation a table (there one for all K·L minima, more bins than it has coordinates, so that tables
    borrow from each other and are not independent); a bin's minimum is the first in the permutation (there the largest
    coordinate number, whose order is not random).
    """

    places: Tensor
    probes: Tensor

    def draw(self, generator: Generator) -> None:
        if self.num_hashes > self.dim:
            raise ValueError(f"num_hashes={self.num_hashes} bins of {self.dim} coordinates; at most one each.")
        width = self.num_hashes * self.bin_size
        places = draw_permutations(self.num_tables, width, generator)[:, : self.dim]
        self.register_buffer("places", places.int().contiguous())
        self.register_buffer("probes", draw_probes(self.num_hashes, generator))
        labels = draw_labels(self.num_tables * self.num_hashes, width, self.num_bits, generator)
        self.register_buffer("labels", labels)

    @property
    def bin_size(self) -> int:
        """S, the places of a bin; where h does not divide D, some places of the permutation have no coordinate."""
        return -(-self.dim // self.num_hashes)

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return doph.direct(x, self.places, self.probes, self.labels, self.top, centre)

    def minima_agree(self, shared: Tensor) -> Tensor:
        """As MinHash's: bins that neither set falls into borrow alike, so all depends on the M others."""
        members = 2 * self.top - shared
        agree, drawn = torch.zeros_like(shared), torch.ones_like(shared)
        for bins in range(1, self.num_hashes + 1):
            drawn = drawn * (shared - bins + 1).clamp_min(0) / (members - bins + 1).clamp_min(1)
            agree += drawn * occupied(members, bins, self.num_hashes, self.bin_size)
        return agree.clamp(0, 1)


def occupied(members: Tensor, bins: int, num_bins: int, size: int) -> Tensor:
    """Probability that `members` of all num_bins·size places, drawn without repeats, fall into just so many bins.

    By inclusion and exclusion of those that are missed: C(h, m) Σ_r (−1)^r C(m, r) · C((m−r)·S, u) / C(h·S, u).
    """
    chance = torch.zeros_like(members)
    for missed in range(bins):
        sign = (-1) ** missed * comb(bins, missed)
        chance += sign * all_within((bins - missed) * size, num_bins * size, members)
    return comb(num_bins, bins) * chance


def all_within(part: int, whole: int, drawn: Tensor) -> Tensor:
    """Probability that so many places, drawn from `whole` without repeats, are all among `part` of them."""
    in_part, in_whole = (lgamma(n + 1) - torch.lgamma((n - drawn).clamp_min(0) + 1) for n in (part, whole))
    return torch.where(drawn <= part, (in_part - in_whole).exp(), 0.0)
