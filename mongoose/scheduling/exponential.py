"""At intervals that grow exponentially."""

import math

from torch import Tensor

from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy


class Exponential(UpdatePolicy):
    """The t-th update comes after Σ_{i<t} first·e^{growth·i} steps: gradients shrink, so updates may thin out.

    Args:
        first: N0, steps to the first update (the paper: 50). growth: λ (the paper names no value).

    Source: SLIDE §3.1.3.
    """

    def __init__(self, first: float = 50, growth: float = 0.1) -> None:
        if first < 1 or growth < 0:
            raise ValueError(f"first={first}, growth={growth}; first ≥ 1 and growth ≥ 0 are accepted.")
        self.first, self.growth = first, growth
        self.num_updates = -1
        self.next_step = 0.0

    def rows_to_update(self, step: int, weight: RowSource) -> Rows:
        return Rows.ALL if step >= self.next_step else Rows.NONE

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        self.num_updates += 1
        self.next_step += self.first * math.exp(self.growth * self.num_updates)
