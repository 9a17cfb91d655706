"""Where codes have changed, and nowhere else."""

from torch import Tensor

from mongoose.ops.simhash import changed_rows
from mongoose.scheduling.base import Hashing, RowSource, RowwisePolicy


class Oracle(RowwisePolicy):
    """Move exactly the rows whose code has changed: the fewest updates that leave no table stale.

    It knows them by hashing all rows that may have changed, which its `cost` does not count: it is what the other
    policies are measured against, not one of them.
    """

    _hashing: Hashing | None = None

    def attach(self, hashing: Hashing) -> None:
        self._hashing = hashing

    def stale(self, weight: RowSource) -> Tensor:
        if self._hashing is None:
            raise RuntimeError("Oracle: nobody has said how rows are hashed; call attach(), as LSHIndex does.")
        ids = self.changed(weight)
        return ids[changed_rows.direct(self._hashing.row_codes(weight[ids]), self._hashing.table_codes[ids])]
