"""Not at all."""

from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy


class Never(UpdatePolicy):
    """Keep the tables of the first step: how far do stale tables carry?"""

    def rows_to_update(self, step: int, weight: RowSource) -> Rows:
        return Rows.NONE
