"""What settings are drawn from: ranges by the name of a configuration's field, and those that methods share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIGITS = 3  # of a drawn number: what decides nothing need not be read


class Range(ABC):
    """The values that a setting may take, and how they are drawn."""

    @abstractmethod
    def at(self, fraction: float) -> Any:
        """The value below which this fraction of the draws lies; fraction in [0, 1)."""

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Whether the value lies in the range."""


@dataclass(frozen=True)
class Uniform(Range):
    """Numbers from low to high, equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low={self.low}, high={self.high}; low must be the smaller one.")

    def at(self, fraction: float) -> float:
        return _rounded(self.low + fraction * (self.high - self.low))

    def holds(self, value: Any) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class LogUniform(Uniform):
    """Numbers from low to high, their orders of magnitude equally likely; low > 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(f"low={self.low}; a logarithm takes numbers above 0.")

    def at(self, fraction: float) -> float:
        return _rounded(self.low * math.exp(fraction * math.log(self.high / self.low)))


class Choice(Range):
    """One of the options, equally likely."""

    def __init__(self, *options: Any) -> None:
        if not options:
            raise ValueError("a choice of nothing; give at least one option.")
        self.options = options

    def at(self, fraction: float) -> Any:
        return self.options[int(fraction * len(self.options))]

    def holds(self, value: Any) -> bool:
        return value in self.options


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


Space = Mapping[str, Range]

LR: dict[str, Range] = {"lr": LogUniform(1e-4, 1e-2)}  # the same for every method
NEGATIVES = LR | {"num_samples": Choice(1024, 2048, 4096, 8192, 16384)}
CORRECTION: dict[str, Range] = {"correction": Choice("none", "importance", "logq")}
RETRIEVED = LR | {
    "keep": Choice(4, 8, 16, 32),
    "num_random": Choice(512, 1024, 2048, 4096),
    "exponent": Uniform(0.0, 1.0),
}
LSH = RETRIEVED | {
    "num_bits": Choice(None, 8, 10, 12, 14),  # None: by the number of labels
    "num_tables": Choice(8, 16, 32),
    "bucket_cap": Choice(32, 64, 128),
    "retrieved_probability": LogUniform(0.003, 1.0),
}
