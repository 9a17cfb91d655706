"""Projections that are kept, so that rows of which few coordinates changed need not be projected anew."""

from torch import Tensor

from mongoose.hashing.simhash import SimHash
from mongoose.ops.simhash import pack_bits

BLOCK = 1 << 22  # products held at once


class MemoisedSimHash:
    """The codes of N rows under a SimHash, from their N·L·K projections, which changes of coordinates are added to.

    A changed coordinate costs L·K products, a row hashed afresh D·L·K. So the saving is D/d', d' of a row's D
    coordinates having changed, and there is none where all have: after a step of Adam with momentum, say, or on a row
    whose gradient is a sum over queries of which together no coordinate is 0. Then the products are as many, in a form
    that is slower than one matrix product. What is kept takes L·K floats a row, often more than the row.

    Rounding adds up from update to update: a bit may differ from that of the row hashed afresh where its projection is
    within rounding of its offset. `rebuild` starts anew.

    Args:
        family: whose planes are projected on; they must stay as they are.
        rows: [N, D].
        centre: [D], codes are those of rows − centre, or None for the origin.

    Source: SLIDE §4.2, third heuristic.
    """

    def __init__(self, family: SimHash, rows: Tensor, centre: Tensor | None = None) -> None:
        self.family = family
        self.offset = 0 if centre is None else centre @ family.planes
        self.products = 0  # since the start, of a coordinate and an entry of a plane
        self.rebuild(rows)

    def rebuild(self, rows: Tensor) -> None:
        """Project all rows, [N, D]: N·D·L·K products."""
        self.projected = rows.detach() @ self.family.planes
        self.products += rows.shape[1] * self.projected.numel()

    def update(self, rows: Tensor, coordinates: Tensor, changes: Tensor) -> None:
        """Add changes[i] to coordinate coordinates[i] of row rows[i], for all i; repeats add up. m·L·K products.

        Args:
            rows, coordinates: [m] int64. changes: [m], new value − old.

        Raises:
            ValueError: their shapes differ, or a row or coordinate does not exist.
        """
        self._check(rows, coordinates, changes)
        size = max(1, BLOCK // self.projected.shape[1])
        parts = zip(rows.split(size), coordinates.split(size), changes.detach().split(size), strict=True)
        for row, coordinate, change in parts:
            self.projected.index_add_(0, row, self.family.planes[coordinate] * change.unsqueeze(1))
        self.products += len(rows) * self.projected.shape[1]

    def codes(self, ids: Tensor | None = None) -> Tensor:
        """[N, L] int32 codes of all rows as they are now, or [n, L] of those of `ids`; takes no product."""
        projected = self.projected if ids is None else self.projected[ids]
        return pack_bits(projected > self.offset, self.family.num_tables)

    def _check(self, rows: Tensor, coordinates: Tensor, changes: Tensor) -> None:
        if not rows.shape == coordinates.shape == changes.shape or rows.dim() != 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in (rows, coordinates, changes))
            raise ValueError(f"rows, coordinates and changes of shapes {shapes}; all three must be [m].")
        for name, ids, below in (("rows", rows, len(self.projected)), ("coordinates", coordinates, self.family.dim)):
            if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < below:
                raise ValueError(f"{name} {int(ids.min())} … {int(ids.max())}; accepted: 0 … {below - 1}.")
