"""Which methods no other one beats: at what they took in time, and at what they took in memory."""

import numpy as np
import pandas as pd

from bench.store import Rows
from reports.appearance import label, ordered
from reports.selection import succeeded
from reports.tables import mean_sd

Table = tuple[str, str, pd.DataFrame]
AXES = {"time": "seconds", "memory": "mib"}
COLUMNS = ["method", "n", "percent", "sd", "seconds", "mib", "on_time_front", "on_memory_front"]


def by_method(rows: Rows) -> pd.DataFrame:
    """Means over seeds, by method.

    percent, sd: test P@1. seconds: of training, to the evaluation with the best validation P@1. mib: peak of the
    process less what it held before training. on_*_front: no other method is as precise for less.
    """
    runs = succeeded(rows).runs
    runs = runs[runs["steps"] > 0].assign(mib=lambda frame: frame["peak_mib"] - frame["base_mib"])
    found = runs.groupby("method").agg(
        n=("seed", "count"),
        percent=("p_at_1", lambda values: 100 * values.mean()),
        sd=("p_at_1", lambda values: 100 * values.std()),
        seconds=("best_s", "mean"),
        mib=("mib", "mean"),
    )
    found = found.loc[ordered(found.index)]
    fronts = {f"on_{axis}_front": front(found["percent"], found[of]) for axis, of in AXES.items()}
    return found.assign(**fronts).reset_index()[COLUMNS]


def front(gain: pd.Series, cost: pd.Series) -> pd.Series:
    """Whether nothing gains at least as much for at most the cost, and more of the one or less of the other."""
    gains, costs = gain.to_numpy(), cost.to_numpy()
    as_good = (gains[:, None] >= gains) & (costs[:, None] <= costs)
    better = as_good & ((gains[:, None] > gains) | (costs[:, None] < costs))
    return pd.Series(~better.any(axis=0) & np.isfinite(gains) & np.isfinite(costs), index=gain.index)


def tables(rows: Rows) -> list[Table]:
    """What the report shows: title, caption, table."""
    caption = (
        "Mean ± sd over n seeds, the evaluation with the best validation P@1. Memory: peak above what the process held "
        "before training. Marked: no other method is as precise for less time, or for less memory."
    )
    return [("Every method", caption, table(rows))]


def table(rows: Rows) -> pd.DataFrame:
    """By falling precision, as text."""
    runs, found = succeeded(rows).runs, by_method(rows).sort_values("percent", ascending=False)
    return pd.DataFrame(
        [
            {
                "method": label(str(row.method)),
                "n": str(row.n),
                "test P@1 (%)": mean_sd(100 * of["p_at_1"]),
                "P@5 (%)": mean_sd(100 * of["p_at_5"]),
                "PSP@1 (%)": mean_sd(100 * of["psp_at_1"]),
                "steps": mean_sd(of["steps"], 0),
                "best at (s)": mean_sd(of["best_s"], 0),
                "memory (MiB)": mean_sd(of["peak_mib"] - of["base_mib"], 0),
                "front": " ".join(
                    axis for axis, on in (("time", row.on_time_front), ("memory", row.on_memory_front)) if on
                ),
            }
            for row in found.itertuples()
            for of in [runs[runs["method"] == row.method]]
        ]
    )
