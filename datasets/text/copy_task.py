"""The duplication task 0w0w: after a random word w, say it again. A model that attends to the first half can.

Source: Reformer (Kitaev et al. 2020), §5: |w| = 511, symbols 1 … 127; the driver released with MONGOOSE: 14 symbols,
|w| random, the loss on the second half only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


@dataclass(frozen=True)
class CopyTask:
    """Sequences 0 w 0 w, as long as `length` or, if `vary`, of any even length from 4 on, filled up with zeros.

    length: of a sequence, even. symbols: w is drawn from 1 … symbols.
    """

    length: int = 1024
    symbols: int = 127
    vary: bool = False

    def __post_init__(self) -> None:
        if self.length < 4 or self.length % 2 or self.symbols < 1:
            raise ValueError(
                f"length={self.length}, symbols={self.symbols}; accepted: an even length ≥ 4, one symbol or more."
            )

    def draw(self, count: int, generator: Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """[count, length] int64 tokens, and which of them are to be told from those before: the second w."""
        half = self.length // 2
        drawn = generator.integers(2, half + 1, size=count) if self.vary else np.full(count, half)
        words = generator.integers(1, self.symbols + 1, size=(count, half))
        place = np.arange(self.length)
        within = place % np.maximum(drawn, 1)[:, None]  # place within the half; 0 is the zero before w
        told = place < 2 * drawn[:, None]
        tokens = np.where(told & (within > 0), np.take_along_axis(words, within, axis=1), 0)
        return tokens, told & (place >= drawn[:, None]) & (within > 0)


REFORMER = CopyTask()
MONGOOSE = CopyTask(symbols=14, vary=True)
