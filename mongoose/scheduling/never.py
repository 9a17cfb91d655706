"""Not at all."""

from torch import Tensor

from mongoose.scheduling.base import Rows, UpdatePolicy


class Never(UpdatePolicy):
    """Keep the tables of the first step: how far do stale tables carry?"""

    def rows_to_update(self, step: int, weight: Tensor) -> Rows:
        return Rows.NONE
