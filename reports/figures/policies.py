"""Update policies: what is kept of the recall against what is re-hashed."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.drawing import blank, canvas
from reports.figures.base import Figure
from reports.policies import NAMES, PREFIX, by_run

COLUMNS = ["method", "policy", "hashed", "kept", "kept_sd", "n"]
FLOOR = 1e-3  # percent; where policies are drawn that re-hash less


def data(rows: Rows) -> pd.DataFrame:
    """Percent of naive's rows that are re-hashed, percent of the recall kept: means over seeds, by policy."""
    found = by_run(rows).groupby(["method", "policy"])
    frame = found.agg(hashed=("hashed", "mean"), kept=("kept", "mean"), kept_sd=("kept", "std"), n=("seed", "count"))
    return (frame.reset_index().assign(**{name: 100 * frame[name].to_numpy() for name in COLUMNS[2:5]}))[COLUMNS]


def draw(frame: pd.DataFrame) -> Canvas:
    """A point a policy, named; the corner is what is asked of a scheduler."""
    figure, (axes,) = canvas(9, 6)
    axes.set(xlabel="rows re-hashed (% of naive LSH, log scale)", ylabel="recall kept (% of tables built anew)")
    if frame.empty:
        blank(axes)
        return figure
    axes.axvspan(FLOOR, 5, ymin=0, color="#009E73", alpha=0.08, lw=0)
    axes.axhline(95, color="#009E73", lw=1, ls="--")
    at = frame["hashed"].clip(lower=FLOOR)
    axes.errorbar(at, frame["kept"], frame["kept_sd"], color="#D55E00", marker="o", ls="", capsize=3)
    for policy, x, y in zip(frame["policy"], at, frame["kept"], strict=True):
        axes.annotate(NAMES[policy], (x, y), xytext=(7, 5), textcoords="offset points", fontsize=9.5)
    axes.set(xscale="log", xlim=(FLOOR / 1.5, 600))
    axes.set_ylim(bottom=0)
    return figure


figure = Figure(
    name="policies",
    title="When to update the tables",
    asks=(
        "Which policy keeps what fresh tables would find, at which cost? Up and to the left is better: above the "
        "dashed line 95 % is kept, in the shaded part with at most 5 % of the rows. The oracle hashes only rows whose "
        "codes changed, and is told which."
    ),
    data=data,
    draw=draw,
    methods=tuple(f"{PREFIX}{policy}" for policy in NAMES),
    rank=10,
    experiments=("policies",),
)
