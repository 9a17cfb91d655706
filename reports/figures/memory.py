"""Peak memory of each method, above what the process held before training."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.appearance import TRAINED, ordered
from reports.drawing import bars, blank, canvas
from reports.figures.base import Figure
from reports.selection import succeeded

COLUMNS = ["method", "mean", "sd", "n", "base"]


def memory(rows: Rows) -> pd.DataFrame:
    """Peak resident memory in MiB as mean, sd and n over seeds, and the mean before training as `base`."""
    runs = succeeded(rows).runs
    runs = runs[runs["peak_mib"].notna() & (runs["steps"] > 0)]
    grouped = runs.groupby("method").agg(
        mean=("peak_mib", "mean"), sd=("peak_mib", "std"), n=("peak_mib", "count"), base=("base_mib", "mean")
    )
    return grouped.reindex(ordered(grouped.index)).reset_index()[COLUMNS]


def draw(frame: pd.DataFrame) -> Canvas:
    """The hatched part of a bar was there before training."""
    figure, (axes,) = canvas(9, 4.6)
    if frame.empty:
        blank(axes)
    else:
        bars(axes, frame, [_note(row) for _, row in frame.iterrows()])
        axes.barh(
            range(len(frame)),
            frame["base"],
            height=0.62,
            facecolor="white",
            alpha=0.55,
            hatch="///",
            edgecolor="#333333",
            lw=0,
        )
    axes.set(xlabel="peak resident memory (MiB); hatched: held by the process before training")
    return figure


def _note(row: pd.Series) -> str:
    sd = "" if pd.isna(row["sd"]) else f" ± {row['sd']:,.0f}"
    return f"{row['mean']:,.0f}{sd} MiB (n = {row['n']})"


figure = Figure(
    name="memory",
    title="Peak memory",
    asks="How much memory does training take? The whole process is measured; compare the parts that are not hatched.",
    data=memory,
    draw=draw,
    methods=TRAINED,
    rank=50,
)
