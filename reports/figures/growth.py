"""Upkeep of the tables against the number of rows, on random walks."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.drawing import blank, canvas
from reports.figures.base import Figure
from reports.growth import WALKS, costs

LOOKS = {
    "always": ("always (naive)", "#56B4E9", "D"),
    "touched": ("what was touched", "#0072B2", "o"),
    "two_copy": ("Algorithm 1", "#D55E00", "P"),
    "oracle": ("oracle", "#117733", "X"),
}
COLUMNS = ["method", "walk", "policy", "n_rows", "mean", "sd", "n"]


def data(rows: Rows) -> pd.DataFrame:
    """Rows re-hashed and scanned a step: mean, sd and n over seeds, by walk, policy and number of rows."""
    found = costs(rows).groupby(["walk", "policy", "n"])["upkeep"].agg(["mean", "std", "count"]).reset_index()
    return found.rename(columns={"n": "n_rows", "std": "sd", "count": "n"}).assign(method="growth")[COLUMNS]


def draw(frame: pd.DataFrame) -> Canvas:
    """Both axes logarithmic: a slope of 1 is in proportion to n, of 1/2 its root, which is dotted."""
    figure, axes = canvas(11, 5.2, columns=2)
    for panel, (walk, words) in zip(axes, WALKS.items(), strict=True):
        _panel(panel, frame[frame["walk"] == walk], words)
    if len(frame):
        axes[0].legend(loc="upper left")
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, title: str) -> None:
    axes.set(title=title, xlabel="rows n (log scale)", ylabel="rows re-hashed + scanned a step (log scale)")
    if frame.empty:
        blank(axes)
        return
    for policy, (words, colour, marker) in LOOKS.items():
        of = frame[frame["policy"] == policy]
        if len(of):
            axes.errorbar(of["n_rows"], of["mean"], of["sd"], color=colour, marker=marker, capsize=3, label=words)
    for _, first in frame[frame["policy"] == "two_copy"].head(1).iterrows():
        ends = [frame["n_rows"].min(), frame["n_rows"].max()]
        axes.plot(ends, [first["mean"] * (n / first["n_rows"]) ** 0.5 for n in ends], ":", color="#333333", label="√n")
    axes.set(xscale="log", yscale="log")


figure = Figure(
    name="growth",
    title="What it costs to keep tables true, by the number of rows",
    asks=(
        "Algorithm 1 promises about √n rows a step where updating always takes n. It holds for what is re-hashed and "
        "scanned; to know which rows moved, those that may have are compared with their copies, which is not drawn."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("scheduler-growth",),
)
