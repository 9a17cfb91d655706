"""One method against each of its rivals, seed by seed, at the latest moment that both reached."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.store import Rows
from reports.curves import Curves, at, common_range, curves, first_reaching
from reports.interval import Interval, interval
from reports.selection import evaluations


@dataclass(frozen=True)
class Duel:
    """By how many points of P@1 a method leads a rival.

    Attributes:
        x: the moment, in the unit of the axis. lead: over seeds that both have, in percentage points.
        ours, theirs: mean P@1 in percent. gain: what the rival still gained over the last quarter of its way to x.
        break_even: the rival's x where it first reached our score, over x: how much dearer our step could be (of
            steps), or how much slower we could be (of seconds). NaN where it never got there.
    """

    rival: str
    x: float
    lead: Interval
    ours: float
    theirs: float
    gain: float
    break_even: float


def duels(rows: Rows, method: str, rivals: Iterable[str], x: str) -> list[Duel]:
    """A duel with every rival that some moment can be compared at, the hardest (the smallest lead) first.

    x: "step" or "train_s".
    """
    traces = evaluations(rows)
    mine = curves(traces, method, x, "p_at_1")
    theirs = {name: curves(traces, name, x, "p_at_1") for name in rivals}
    found = [_duel(name, mine, of) for name, of in theirs.items() if of and mine and _meet(mine, of)]
    return sorted((duel for duel in found if duel.lead.n), key=lambda duel: duel.lead.mean)


def _meet(mine: Curves, theirs: Curves) -> bool:
    starts, ends = zip(common_range(mine), common_range(theirs), strict=True)
    return max(starts) <= min(ends)


def _duel(rival: str, mine: Curves, theirs: Curves) -> Duel:
    end = min(common_range(mine)[1], common_range(theirs)[1])
    ours, others = 100 * at(mine, end), 100 * at(theirs, end)
    before = 100 * at(theirs, 0.75 * end)
    level = float(at(mine, end).mean())
    reached = [first_reaching(*points, level) for points in theirs.values()]
    return Duel(
        rival,
        end,
        interval((ours - others).dropna()),
        float(ours.mean()),
        float(others.mean()),
        float((others - before).mean()),
        float(np.mean(reached)) / end,
    )


def table(found: list[Duel], unit: str) -> pd.DataFrame:
    """Duels as text, the hardest rival first."""
    return pd.DataFrame(
        {
            "rival": [duel.rival for duel in found],
            f"at ({unit})": [f"{duel.x:,.0f}" for duel in found],
            "rival P@1 (%)": [f"{duel.theirs:.2f}" for duel in found],
            "lead (points)": [duel.lead.text() for duel in found],
            "rival's last quarter": [f"{duel.gain:+.2f}" for duel in found],
            "break-even": [
                f"{duel.break_even:.2f}" if np.isfinite(duel.break_even) else "not reached" for duel in found
            ],
        }
    )
