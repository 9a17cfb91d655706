"""Codes that change in an epoch, by learning rate and by steps an epoch."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.drawing import blank, canvas
from reports.figures.base import Figure
from reports.hash_rates import changes

CLAIMED = (1.0, 5.0)
SHOWN = {"codes_changed_epoch": ("whole codes", "#D55E00", "o"), "bits_changed_epoch": ("bits", "#0072B2", "s")}
PANELS = {"lr": "learning rate (log scale)", "steps an epoch": "steps an epoch (log scale)"}
COLUMNS = ["method", "panel", "what", "x", "mean", "sd", "n"]


def data(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds at each rate (at the usual batch) and each number of steps (at the usual rate)."""
    found = changes(rows)
    usual = {"lr": found["batch"] == 256, "steps an epoch": found["lr"] == 1e-3}
    parts = [
        found[usual[panel]]
        .groupby(panel)[what]
        .agg(["mean", "std", "count"])
        .reset_index(names="x")
        .assign(method="sampled_frequency", panel=panel, what=what)
        for panel in PANELS
        for what in SHOWN
    ]
    return pd.concat(parts).rename(columns={"std": "sd", "count": "n"})[COLUMNS]


def draw(frame: pd.DataFrame) -> Canvas:
    """Learning rate at the left, steps an epoch at the right; the band is what the paper claims."""
    figure, axes = canvas(11, 5, columns=2)
    for panel, (name, words) in zip(axes, PANELS.items(), strict=True):
        _panel(panel, frame[frame["panel"] == name], words)
    if len(frame):
        axes[0].legend(loc="upper left")
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, xlabel: str) -> None:
    if frame.empty:
        blank(axes)
        return
    axes.axhspan(*CLAIMED, color="#009E73", alpha=0.15, lw=0, label="claimed: 1 to 5 %")
    for what, (name, colour, marker) in SHOWN.items():
        rows = frame[frame["what"] == what]
        axes.errorbar(rows["x"], rows["mean"], rows["sd"], color=colour, marker=marker, capsize=3, label=name)
    axes.set(xlabel=xlabel, ylabel="% changed in an epoch", xscale="log")
    axes.set_ylim(bottom=0)


figure = Figure(
    name="hash_rates",
    title="What decides how fast hash codes change",
    asks=(
        "Is it a constant of training that 1 to 5 % of the codes change in an epoch? Mean ± sd over seeds, of the "
        "epochs after the second; the tables that count are never refitted. The band is the paper's claim."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("hash-change",),
)
