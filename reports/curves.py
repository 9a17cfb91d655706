"""Means over seeds whose evaluations fell at different seconds or steps.

A seed's curve is linear between its evaluations. Nothing is extrapolated: a mean exists only where every seed has one.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.appearance import ordered

Floats = NDArray[np.float64]
Curves = dict[int, tuple[Floats, Floats]]
BAND = ["method", "x", "mean", "sd", "n"]


def curves(traces: pd.DataFrame, method: str, x: str, y: str) -> Curves:
    """The measured points of each seed of a method, by seed, ascending in x."""
    rows = traces[(traces["method"] == method) & traces[x].notna() & traces[y].notna()]
    by_seed = {}
    for seed, points in rows.sort_values(x).groupby("seed"):
        points = points.drop_duplicates(x, keep="last")
        by_seed[int(str(seed))] = (points[x].to_numpy(float), points[y].to_numpy(float))
    return by_seed


def common_range(by_seed: Curves) -> tuple[float, float]:
    """The x that every seed reached; (inf, -inf) without seeds."""
    starts, ends = [x[0] for x, _ in by_seed.values()], [x[-1] for x, _ in by_seed.values()]
    return (max(starts), min(ends)) if by_seed else (np.inf, -np.inf)


def at(by_seed: Curves, x: float) -> pd.Series:
    """The value of each seed's curve at x, by seed; NaN where that seed has no evaluation on both sides."""
    return pd.Series(
        {seed: np.interp(x, *points, left=np.nan, right=np.nan) for seed, points in by_seed.items()}, dtype=float
    )


def first_reaching(x: Floats, y: Floats, level: float) -> float:
    """The x at which a curve first reaches a level, between evaluations by interpolation; NaN if it never does."""
    above = np.flatnonzero(y >= level)
    if not len(above):
        return float("nan")
    i = above[0]
    if i == 0:
        return float(x[0])
    return float(x[i - 1] + (level - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1]))


def band(traces: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Mean, sd and n over seeds of every method, at each x where some seed was evaluated and all have a value."""
    parts = [_band_of(curves(traces, method, x, y)).assign(method=method) for method in ordered(traces["method"])]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[BAND] if parts else pd.DataFrame(columns=BAND)


def _band_of(by_seed: Curves) -> pd.DataFrame:
    low, high = common_range(by_seed)
    points = sorted({value for x, _ in by_seed.values() for value in x if low <= value <= high})
    values = np.array([np.interp(points, x, y) for x, y in by_seed.values()]).reshape(len(by_seed), len(points))
    sd = values.std(axis=0, ddof=1) if len(by_seed) > 1 else np.full(len(points), np.nan)
    mean = values.mean(axis=0) if by_seed else np.empty(0)
    return pd.DataFrame({"x": points, "mean": mean, "sd": sd if by_seed else mean, "n": len(by_seed)})
