"""When enough rows are far from the copy of them that the tables hold: the paper's Algorithm 1."""

import math

import torch
from torch import Tensor

from mongoose.ops.sets import distinct
from mongoose.scheduling.base import Rows, RowSource, RowwisePolicy


class TwoCopy(RowwisePolicy):
    """Move the rows that are furthest from their copy, once n^a of them are at least ε away; scan those until then.

    Two copies of the parameters: w, the rows as they are, and v, the rows as the tables hold them. After every step,
    for every row, ‖w_i − v_i‖ < ε or i is in `aside`.
    Only rows that may have changed are compared; which rows to move then takes a scan of n distances.

    Args:
        epsilon: ε over the mean norm of the rows at the last update of all rows; stays the same length until the next.
        exponent: a; fewer than n^a rows are left aside. Each query scans them: a moves cost from updates to queries.
        full_every: as in RowwisePolicy. All of v is then w anew, and nothing is aside.

    Source: MONGOOSE Algorithm 1, after Cohen, Lee & Song 2019 ("soft threshold"); never released.
    Differs from it: ε is given relative to the norms, which nobody knows beforehand.
    """

    def __init__(self, epsilon: float = 0.1, *, exponent: float = 0.5, full_every: int | None = None) -> None:
        super().__init__(full_every=full_every)
        if not (epsilon > 0 and 0 <= exponent <= 1):
            raise ValueError(f"epsilon={epsilon}, exponent={exponent}; epsilon > 0 and 0 ≤ exponent ≤ 1 are accepted.")
        self.epsilon, self.exponent = epsilon, exponent
        self.radius = math.nan
        """ε as a length; known once the tables are built."""
        self._held: Tensor | None = None  # [N, D], v
        self._moved = torch.empty(0)  # [N], ‖w_i − v_i‖ when last compared

    def stale(self, weight: RowSource) -> Tensor:
        self._compare(self.changed(weight), weight)
        if self.aside is None or len(self.aside) < len(weight) ** self.exponent:
            return torch.empty(0, dtype=torch.int64, device=weight.device)
        return self._furthest(self.aside).sort().values

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        super().updated(step, weight, rows)
        if isinstance(rows, Rows):
            self._held = weight[:].clone()
            self._moved = self._held.new_zeros(len(weight))
            norm = float(self._held.norm(dim=1).mean())
            _check(torch.tensor(norm))
            self.radius = max(self.epsilon * norm, torch.finfo(self._held.dtype).tiny)  # rows of 0 are not far from 0
            self.aside = None
        else:
            assert self._held is not None
            self._held[rows] = weight[rows]
            self._moved[rows] = 0
            self._set_aside(rows[:0])

    def _compare(self, ids: Tensor, weight: RowSource) -> None:
        """Note how far these rows are from their copies, and set those aside that are ε away."""
        if self._held is None:
            raise RuntimeError("TwoCopy asked before updated(): there is no copy yet; announce the first build first.")
        moved, far = self.compare(weight, self._held, ids, self._held.new_full((1,), self.radius))
        _check(moved)
        self._moved[ids] = moved
        self._set_aside(far)

    def _set_aside(self, far: Tensor) -> None:
        """These rows are now aside, and of those that were, the ones that are ε away."""
        if self.aside is not None:
            still = self.aside[self._moved[self.aside] >= self.radius]
            far, _ = distinct.direct(torch.cat([far, still]), len(self._moved))
        self.aside = far if len(far) else None

    def _furthest(self, rows: Tensor) -> Tensor:
        """These rows, and more while distances crowd at the boundary, so that many rows near it move together.

        rows: the r rows that are furthest from their copies. While the distance of place 1.5·r is at least
        (1 − 1/log n) of that of place r, r grows by half. Ties in any order.
        """
        n = len(self._moved)
        shrink = max(0.0, 1 - 1 / math.log(n)) if n > 1 else 0.0
        while 1.5 * len(rows) < n:
            wider = math.ceil(1.5 * len(rows))
            near = (self._moved >= shrink * self._moved[rows].min()).nonzero().squeeze(1)
            self.cost.rows_ranked += n
            if len(near) < wider:
                break
            rows = near[self._moved[near].topk(wider).indices]
        return rows


def _check(moved: Tensor) -> None:
    if not bool(moved.isfinite().all()):
        raise ValueError("a row is not finite, or further from its copy than a number can say; training has diverged.")
