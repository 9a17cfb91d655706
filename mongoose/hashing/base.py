"""What a hash family promises."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class HashFamily(nn.Module, ABC):
    """Hashes rows into one K-bit code per table; the L tables are independent draws.

    Args:
        dim: D, the width of the rows. num_bits: K. num_tables: L.
    """

    def __init__(self, dim: int, *, num_bits: int, num_tables: int) -> None:
        super().__init__()
        self.dim, self.num_bits, self.num_tables = dim, num_bits, num_tables

    @abstractmethod
    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        """[N, D] float rows → [N, L] int32 codes of x − centre, each in [0, 2**K).

        Args:
            centre: [D], or None for the origin. x − centre is not formed: N rows are read once and not copied. Codes
                equal those of the difference but for rounding: a bit may differ where it hangs on the last digit.
        """

    def query_codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        """[B, D] queries → [B, L] codes, to be looked up among those of rows; the same map, unless a family says other.

        centre: as in `codes`.
        """
        return self.codes(x, centre)


class LearnableHashFamily(HashFamily):
    """A hash family that can be fitted to the rows it serves, by pairs that should and should not share codes."""

    @abstractmethod
    def loss(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> Tensor:
        """Scalar loss of [m, D] triplets: anchors (queries) should share codes with positives and not with negatives.

        Args:
            other: [m, D] the queries that should not share codes with the negatives; None: the anchors.
        """

    @abstractmethod
    def fit(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> float:
        """Lower `loss` on [m, D] triplets; returns its last value. The codes of every row may change."""


class RowFittedHashFamily(HashFamily):
    """A hash family that is fitted to how the rows lie, without knowing what is asked."""

    @abstractmethod
    def fit_rows(self, rows: Tensor, centre: Tensor | None = None) -> None:
        """Fit to rows [N, D] − centre ([D], or None for the origin). The codes of every row may change."""
