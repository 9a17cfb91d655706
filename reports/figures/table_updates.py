"""How often the hash tables were updated, and what share of the training time that took."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.appearance import HASHED, label, ordered
from reports.curves import BAND, band
from reports.drawing import bands, bars, canvas
from reports.figures.base import Figure
from reports.selection import evaluations, succeeded

COLUMNS = ["kind", *BAND]


def table_updates(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds of what `kind` says.

    `updates` and `seconds` run over training seconds `x`; `share` is percent of a run's training time and `count` its
    updates at the end.
    """
    traces = evaluations(rows)
    traces = traces[traces["method"].isin(_updating(rows))]
    curves = [
        band(traces, "train_s", y).assign(kind=kind)
        for kind, y in (("updates", "table_updates"), ("seconds", "update_s"))
    ]
    parts = [part[COLUMNS] for part in [*curves, *_totals(rows)] if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def draw(frame: pd.DataFrame) -> Canvas:
    """Count and cost over time at the left, the share of each method at the right."""
    figure, (updates, seconds, share) = canvas(13, 4.8, columns=3)
    bands(updates, frame[frame["kind"] == "updates"])
    updates.set(title="table updates so far", xlabel="training time (s)", ylabel="updates")
    updates.set_yscale("symlog", linthresh=1)
    updates.yaxis.set_major_formatter("{x:,g}")
    updates.set_ylim(bottom=0)
    bands(seconds, frame[frame["kind"] == "seconds"])
    seconds.set(title="seconds spent in updates so far", xlabel="training time (s)", ylabel="seconds")
    seconds.set_ylim(bottom=0)
    shares, counts = frame[frame["kind"] == "share"], frame[frame["kind"] == "count"].set_index("method")["mean"]
    notes = [
        f"{row['mean']:.1f} %\n{counts[row['method']]:,.0f} updates\nn = {row['n']}" for _, row in shares.iterrows()
    ]
    bars(share, shares, notes)
    share.set(title="share of training time", xlabel="%")
    return figure


def _updating(rows: Rows) -> list[str]:
    runs = succeeded(rows).runs
    return ordered(runs["method"][runs["method"].isin(HASHED) | (runs["table_updates"] > 0)])


def _totals(rows: Rows) -> list[pd.DataFrame]:
    runs = succeeded(rows).runs
    runs = runs[runs["method"].isin(_updating(rows)) & (runs["train_s"] > 0)]
    runs = runs.assign(share=100 * runs["update_s"] / runs["train_s"], count=runs["table_updates"])
    return [_total(runs, kind) for kind in ("share", "count")]


def _total(runs: pd.DataFrame, kind: str) -> pd.DataFrame:
    grouped = runs.groupby("method")[kind].agg(["mean", "std", "count"]).reset_index()
    grouped = grouped.sort_values("method", key=lambda methods: methods.map(ordered(methods).index))
    return grouped.rename(columns={"std": "sd", "count": "n"}).assign(kind=kind, x=float("nan"))


figure = Figure(
    name="table_updates",
    title="Table updates and their cost",
    asks=f"How often does each method touch its tables, and how much of the training time goes there? "
    f"Methods with tables: {', '.join(label(method) for method in HASHED)}.",
    data=table_updates,
    draw=draw,
    methods=HASHED,
    rank=40,
)
