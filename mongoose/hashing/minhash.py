"""MinHash of a row's largest coordinates, binarised."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.law import CollisionLaw
from mongoose.hashing.permutations import draw_permutations
from mongoose.ops.minhash import largest, minhash
from mongoose.ops.simhash import MAX_BITS

BITS_PER_HASH = 3  # as many as a bin of WTA has


class MinHash(HashFamily, CollisionLaw):
    """Codes are K-bit mixtures of h minima: which coordinate of a row's top k comes first in each of h random orders.

    The law is exact: minima agree with probability J, the Jaccard similarity of the two rows' sets, and codes where all
    h do, or else by chance: J^h + (1 − J^h)/2^K.

    Args:
        dim: D. num_bits: K. num_tables: L.
        top: k; None: a quarter of D (SLIDE's `TOPK` is 30, its D 128). Of coordinates that are equal the first count as
            larger, so that rows with fewer than k of any size are filled up from the left.
        num_hashes: h; None: one for every three bits. What SLIDE calls K is this h.
        generator: the source of the orders and of the labels.

    Raises:
        ValueError: K, k or h are out of range.

    Source: Broder 1997; SLIDE, appendix A. Differs from SLIDE's release: an order of its own for every minimum (there
    one for all, see DOPH); minima are mixed by random labels (there by products, cut to `RangePow` bits).
    """

    ranks: Tensor
    labels: Tensor

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        top: int | None = None,
        num_hashes: int | None = None,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.top = -(-dim // 4) if top is None else top
        self.num_hashes = max(1, num_bits // BITS_PER_HASH) if num_hashes is None else num_hashes
        if not 1 <= num_bits <= MAX_BITS or self.num_hashes < 1 or not 1 <= self.top <= dim:
            raise ValueError(
                f"num_bits={num_bits}, num_hashes={self.num_hashes}, top={self.top}; accepted: 1 … {MAX_BITS} bits, "
                f"one hash or more, 1 … {dim} coordinates."
            )
        self.draw(generator)

    def draw(self, generator: Generator) -> None:
        """Draw the random orders, and labels for what is found."""
        hashes = self.num_tables * self.num_hashes
        self.register_buffer("ranks", draw_permutations(hashes, self.dim, generator).int())
        self.register_buffer("labels", draw_labels(hashes, self.dim, self.num_bits, generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return minhash.direct(x, self.ranks, self.labels, self.num_tables, self.top, centre)

    def collision_probability(self, a: Tensor, b: Tensor) -> Tensor:
        agree = self.minima_agree(shared_members(a, b, self.top))
        return agree + (1 - agree) / (1 << self.num_bits)

    def minima_agree(self, shared: Tensor) -> Tensor:
        """Probability that all minima of a code agree, [N] float64, for pairs of sets that share so many members."""
        return (shared / (2 * self.top - shared)) ** self.num_hashes


def draw_labels(hashes: int, places: int, num_bits: int, generator: Generator) -> Tensor:
    """[hashes, places] int32, random K-bit numbers."""
    return torch.randint(0, 1 << num_bits, (hashes, places), generator=generator, dtype=torch.int32)


def shared_members(a: Tensor, b: Tensor, top: int) -> Tensor:
    """How many of their `top` largest coordinates two rows share: [N, D], [N, D] → [N] float64."""
    pairs = largest(a, top).unsqueeze(2) == largest(b, top).unsqueeze(1)
    return pairs.sum((1, 2)).double()
