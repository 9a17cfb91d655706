"""When enough rows have moved further than the nearest hyperplane was away."""

import math

import torch
from torch import Tensor

from mongoose.scheduling.base import Hashing, Rows, RowSource, RowwisePolicy

BLOCK = 4096  # rows whose projections are held at once


class Margin(RowwisePolicy):
    """Re-hash the rows whose code may have changed, once they are more than `share` of all rows.

    A row's bit cannot flip before the row has moved as far as the plane was away: |(w − v)·p| ≤ ‖w − v‖·‖p‖. A row for
    which ‖w_i − v_i‖ stays under the least |(v_i − c)·p| / ‖p‖ over all planes p has the code that the tables hold,
    where v is the row as it was hashed and c the centre. The bound is sound and loose: a random move of a row goes
    1/√D of its length towards a plane, and the nearest of L·K planes is near.

    Args:
        share: of all rows, in [0, 1). 0: no code in the tables is ever stale.
        full_every: as in RowwisePolicy.
    """

    def __init__(self, share: float = 0.0, *, full_every: int | None = None) -> None:
        super().__init__(full_every=full_every)
        if not 0 <= share < 1:
            raise ValueError(f"share={share}; a share of the rows in [0, 1) is accepted.")
        self.share = share
        self._hashing: Hashing | None = None
        self._held = torch.empty(0)  # [N, D], v
        self._margin = torch.empty(0)  # [N]
        self._may_differ = torch.empty(0, dtype=torch.bool)  # [N]

    def attach(self, hashing: Hashing) -> None:
        self._hashing = hashing

    def stale(self, weight: RowSource) -> Tensor:
        ids = self.changed(weight)
        _, far = self.compare(weight, self._held, ids, self._margin)
        self._may_differ[ids] = False
        self._may_differ[far] = True
        found = self._may_differ.nonzero().squeeze(1)
        return found if len(found) > self.share * len(weight) else found[:0]

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        super().updated(step, weight, rows)
        if isinstance(rows, Rows):
            self._held = weight[:].clone()
            self._margin = self._margins(self._held)
            self._may_differ = torch.zeros(len(weight), dtype=torch.bool, device=weight.device)
        else:
            self._held[rows] = weight[rows]
            self._margin[rows] = self._margins(self._held[rows])
            self._may_differ[rows] = False

    def _margins(self, rows: Tensor) -> Tensor:
        """[m, D] → [m], the distance of each row from its nearest plane, less what rounding may hide."""
        if self._hashing is None:
            raise RuntimeError("Margin: nobody has said how rows are hashed; call attach(), as LSHIndex does.")
        planes, centre = self._hashing.hyperplanes()
        normals = planes.to(rows.dtype)
        normals = normals / normals.norm(dim=0)
        offset = 0 if centre is None else centre.to(rows.dtype) @ normals
        self.cost.rows_hashed += len(rows)
        nearest = [(block @ normals - offset).abs().amin(dim=1) for block in rows.split(BLOCK)]
        size: Tensor = rows.norm(dim=1) + (0 if centre is None else centre.norm())
        return torch.cat(nearest) - 4 * math.sqrt(rows.shape[1]) * torch.finfo(rows.dtype).eps * size
