"""One method against the best of some others, seed by seed, after the same seconds of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.store import Rows
from reports.appearance import label
from reports.curves import at, common_range, curves
from reports.selection import evaluations


@dataclass(frozen=True)
class Lead:
    """By how many points of P@1 a method leads, one value a seed that both have.

    Attributes:
        rival: the other method with the highest mean at that moment.
        seconds: the latest training time that every seed of every compared method reached.
        points: by seed, method minus rival, in percentage points.
        means: P@1 in percent, of the method and of the rival.
        absent: compared methods that have no rows.
    """

    rival: str
    seconds: float
    points: pd.Series
    means: tuple[float, float]
    absent: list[str]


def lead(rows: Rows, method: str, rivals: Sequence[str]) -> Lead | None:
    """The lead of `method` over the best of `rivals`; None without rows of the method or of any rival.

    The rival is chosen by its mean over seeds: the best of each single seed would favour the rivals' luck.
    """
    traces = evaluations(rows)
    every = {name: curves(traces, name, "train_s", "p_at_1") for name in (method, *rivals)}
    present = {name: by_seed for name, by_seed in every.items() if by_seed}
    if method not in present or len(present) < 2:
        return None
    seconds = min(common_range(by_seed)[1] for by_seed in present.values())
    scores = pd.DataFrame({name: 100 * at(by_seed, seconds) for name, by_seed in present.items()})
    rival = str(scores.drop(columns=method).mean().idxmax())
    points = (scores[method] - scores[rival]).dropna()
    means = (float(scores[method].mean()), float(scores[rival].mean()))
    return Lead(rival, seconds, points, means, [label(name) for name in rivals if name not in present])


def wording(found: Lead, method: str) -> str:
    """Both scores and the moment, in words."""
    ours, rival = found.means
    words = f"after {found.seconds:.0f} s: {label(method)} {ours:.2f} %, {label(found.rival)} {rival:.2f} %"
    return words + (f" (no rows: {', '.join(found.absent)})" if found.absent else "")
