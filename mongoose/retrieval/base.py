"""What a source of candidates promises."""

from abc import ABC, abstractmethod

from torch import Tensor

from mongoose.movable import Movable


class Retriever(Movable, ABC):
    """Finds the classes of the largest scores x·w + b, exactly or nearly."""

    def build(self, weight: Tensor, bias: Tensor) -> None:
        """Take in the rows as they are now. weight: [N, D]. bias: [N]."""

    @abstractmethod
    def best(self, x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
        """[B, k] int64, the classes of the k largest scores of each query, −1 where fewer were found.

        Args:
            x: [B, D] queries. weight, bias: the rows as they are now; an index may answer from those it was built on.
        """
