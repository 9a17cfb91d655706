"""A mean over seeds with its 95 % interval."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, nan

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its interval; with fewer than two seeds the ends are infinitely far."""

    mean: float
    low: float
    high: float
    n: int

    def ends(self) -> tuple[float, float]:
        """Both ends, NaN where no interval can be given."""
        return (self.low, self.high) if self.n > 1 else (nan, nan)

    def text(self, unit: str = "", digits: int = 2) -> str:
        """The mean, its unit and its interval, in words."""
        mean = f"{self.mean:.{digits}f}{unit} (n = {self.n}"
        return f"{mean}, 95 % interval {self.low:.{digits}f} to {self.high:.{digits}f})" if self.n > 1 else f"{mean})"


def interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Student's t-interval of the mean of independent values, one a seed."""
    x = np.array(list(values), dtype=float)
    if len(x) < 2:
        return Interval(float(x[0]) if len(x) else nan, -inf, inf, len(x))
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 1) * stats.sem(x))
    return Interval(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, len(x))


def ratio_interval(ratios: Iterable[float], level: float = 0.95) -> Interval:
    """The same for ratios: of their logarithms, so the geometric mean, and the interval never crosses zero."""
    logs = interval(np.log(np.array(list(ratios), dtype=float)), level)
    high = exp(logs.high) if logs.high < 700 else inf  # exp overflows a float just above
    return Interval(exp(logs.mean), exp(logs.low), high, logs.n)
