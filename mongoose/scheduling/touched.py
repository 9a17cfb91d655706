"""What the training steps have touched."""

from torch import Tensor

from mongoose.scheduling.base import RowSource, RowwisePolicy


class Touched(RowwisePolicy):
    """Re-hash after every step the rows that it touched, and no others: naive LSH at the price of row-sparse training.

    Tables are never stale, as with Always; a centre stays that of the last update of all rows.
    """

    def stale(self, weight: RowSource) -> Tensor:
        return self.changed(weight, forget=False)  # `updated` does
