"""At a fixed interval."""

from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy


class Every(UpdatePolicy):
    """Update every row every `interval` steps, as the released SLIDE does (its `Rehash`)."""

    def __init__(self, interval: int) -> None:
        if interval < 1:
            raise ValueError(f"interval={interval}; a number of steps ≥ 1 is accepted. For no updates use Never().")
        self.interval = interval

    def rows_to_update(self, step: int, weight: RowSource) -> Rows:
        return Rows.ALL if step % self.interval == 0 else Rows.NONE
