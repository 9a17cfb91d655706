"""Every step."""

from torch import Tensor

from mongoose.scheduling.base import Rows, UpdatePolicy


class Always(UpdatePolicy):
    """Update every row after every step: naive LSH, tables never stale."""

    def rows_to_update(self, step: int, weight: Tensor) -> Rows:
        return Rows.ALL
