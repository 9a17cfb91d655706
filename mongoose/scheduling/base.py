"""What an update policy promises."""

from abc import ABC, abstractmethod
from enum import Enum

from torch import Tensor


class Rows(Enum):
    """Row selections that need no list."""

    ALL = "all"
    NONE = "none"


class UpdatePolicy(ABC):
    """Decides which rows of the tables to bring up to date; never touches them.

    The owner of the tables asks after every training step, and calls `updated` once the rows it was told to move have
    moved; the first call of `updated` announces that the tables were built.
    """

    @abstractmethod
    def rows_to_update(self, step: int, weight: Tensor) -> Rows | Tensor:
        """The rows to re-hash now: Rows.ALL, Rows.NONE or [m] int64 ids. Has no side effect.

        Args:
            step: training steps done. weight: [N, D], the rows as they are now.
        """

    def updated(self, step: int, weight: Tensor) -> None:
        """The rows have been moved (or the tables built): remember what later decisions compare with."""
