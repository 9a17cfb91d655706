"""Precision against time and against memory: a point a method, and the line of those that nothing beats."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.appearance import look
from reports.drawing import blank, canvas
from reports.figures.base import Figure
from reports.fronts import AXES, by_method

LABELS = {
    "time": "seconds of training to the best validation P@1 (log scale)",
    "memory": "MiB for training (log scale)",
}


def data(rows: Rows) -> pd.DataFrame:
    """As `reports.fronts.by_method`."""
    return by_method(rows)


def draw(frame: pd.DataFrame) -> Canvas:
    """Two panels; methods on a front are named in bold."""
    figure, panels = canvas(9, 11, rows=2)
    for axes, (axis, of) in zip(panels, AXES.items(), strict=True):
        axes.set(xlabel=LABELS[axis], ylabel="test P@1 (%)", xscale="log")
        if frame.empty:
            blank(axes)
        else:
            _panel(axes, frame, of, frame[f"on_{axis}_front"].astype(bool))
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, of: str, on: pd.Series) -> None:
    best = frame[on].sort_values(of)
    axes.step(best[of], best["percent"], where="post", color="#6B7375", lw=1.2, ls="--")
    named: dict[str, Any] = {"xytext": (6, 4), "textcoords": "offset points", "fontsize": 8.5}
    for method, x, y, sd, bold in zip(*(frame[name] for name in ("method", of, "percent", "sd")), on, strict=True):
        style = look(method)
        axes.errorbar(x, y, sd, color=style.colour, marker=style.marker or "o", capsize=2, ms=6, ls="")
        axes.annotate(style.label, (x, y), fontweight="bold" if bold else "normal", **named)
    axes.set_xlim(right=frame[of].max() * 2.2)
    axes.set_ylim(bottom=0)


figure = Figure(
    name="fronts",
    title="Precision for time and for memory",
    asks=(
        "Which methods does no other one beat? Up and to the left is better; the dashed line joins those that are most "
        "precise for what they take."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("fronts",),
)
