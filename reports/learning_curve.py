"""P@1 on the test points against what it cost: shared by the figures over seconds and over steps."""

import textwrap
from collections.abc import Collection

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bench.store import Rows
from reports.appearance import UNTRAINED, look
from reports.curves import BAND, band
from reports.drawing import bands, canvas, legend
from reports.selection import evaluations, succeeded

COLUMNS = ["kind", *BAND]


def learning_curve(rows: Rows, x: str, methods: Collection[str] | None = None) -> pd.DataFrame:
    """Percent P@1 as mean, sd and n over seeds.

    `kind` is `curve` (evaluations over `x`), `best` (the evaluation that early stopping chose; `x` is the seeds' mean)
    or `line` (no training: the run's score on the whole test part). methods: those that are drawn; None: all.
    """
    traces = evaluations(rows)
    traces = traces if methods is None else traces[traces["method"].isin(methods)]
    traces = traces[traces[x] > 0].assign(percent=lambda frame: 100 * frame["p_at_1"])
    parts = [band(traces, x, "percent").assign(kind="curve"), _best(rows, traces, x), _lines(rows)]
    parts = [part[COLUMNS] for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def draw_learning_curve(frame: pd.DataFrame, xlabel: str, log: bool) -> Canvas:
    """Lines with bands, a ring where early stopping chose, horizontal lines for what needs no training."""
    figure, (axes,) = canvas(9, 6)
    bands(axes, frame[frame["kind"] == "curve"])
    for _, row in frame[frame["kind"] == "best"].iterrows():
        axes.plot(row["x"], row["mean"], "o", ms=13, mfc="none", mec=look(row["method"]).colour, mew=2)
    _draw_lines(axes, frame[frame["kind"] == "line"])
    axes.set(xlabel=xlabel, ylabel="test P@1 (%)", xscale="log" if log else "linear")
    axes.set_ylim(bottom=0)
    if not log:
        axes.set_xlim(left=0)
    ring = Line2D([], [], color="#333333", marker="o", ms=11, mfc="none", ls="", label="chosen by early stopping")
    curves = frame[frame["kind"] == "curve"]
    legend(figure, curves, [ring] if len(curves) else None)
    return figure


def _best(rows: Rows, traces: pd.DataFrame, x: str) -> pd.DataFrame:
    runs = succeeded(rows).runs
    best = traces.merge(runs[["key", "best_step"]], on="key")
    best = best[best["step"] == best["best_step"]].drop_duplicates("key")
    grouped = best.groupby("method").agg(
        x=(x, "mean"), mean=("percent", "mean"), sd=("percent", "std"), n=("seed", "count")
    )
    return grouped.reset_index().assign(kind="best")


def _lines(rows: Rows) -> pd.DataFrame:
    runs = succeeded(rows).runs
    runs = runs[runs["method"].isin(UNTRAINED) & runs["p_at_1"].notna()].assign(
        percent=lambda frame: 100 * frame["p_at_1"]
    )
    grouped = runs.groupby("method")["percent"].agg(["mean", "std", "count"]).reset_index()
    return grouped.rename(columns={"std": "sd", "count": "n"}).assign(kind="line", x=float("nan"))


def _draw_lines(axes: Axes, lines: pd.DataFrame) -> None:
    """Labels stand right of the axes, pushed apart where two lines nearly meet."""
    lines = lines.sort_values("mean")
    close = len(lines) == 2 and lines["mean"].diff().iloc[-1] < 0.08 * axes.get_ylim()[1]
    for place, method in enumerate(lines["method"]):
        value, style = float(lines["mean"].iloc[place]), look(method)
        shift = (16 if place else -16) if close else 0
        axes.axhline(value, color=style.colour, ls=style.dash, lw=1.5)
        axes.annotate(
            textwrap.fill(style.label, 12) + f"\n{value:.1f} %",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(6, shift),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=style.colour,
        )
