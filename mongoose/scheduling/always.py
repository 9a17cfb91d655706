"""Every step."""

from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy


class Always(UpdatePolicy):
    """Update every row after every step: naive LSH, tables never stale."""

    def rows_to_update(self, step: int, weight: RowSource) -> Rows:
        return Rows.ALL
