"""How much of the hash codes changes, per step and per epoch: the observation that MONGOOSE rests on."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from bench.store import Rows
from reports.curves import BAND, band
from reports.drawing import bands, blank, canvas, legend
from reports.figures.base import Figure
from reports.selection import epochs, evaluations

CLAIMED = (1.0, 5.0)
PANELS = [(what, period) for what in ("bits", "codes") for period in ("step", "epoch")]
COLUMNS = ["what", "period", *BAND]


def hash_change(rows: Rows) -> pd.DataFrame:
    """Percent changed, as mean, sd and n over seeds; `x` is the step or the epoch, as `period` says."""
    parts = [_panel(rows, what, period) for what, period in PANELS]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def draw(frame: pd.DataFrame) -> Canvas:
    """Bits above, whole codes below; per step at the left, per epoch at the right."""
    figure, axes = canvas(11, 8.5, rows=2, columns=2)
    for panel, (what, period) in zip(axes, PANELS, strict=True):
        _draw_panel(panel, frame[(frame["what"] == what) & (frame["period"] == period)], what, period)
    legend(figure, frame)
    return figure


def _panel(rows: Rows, what: str, period: str) -> pd.DataFrame:
    traces = evaluations(rows) if period == "step" else epochs(rows)
    traces = traces.assign(percent=100 * traces[f"{what}_changed_{period}"])
    found = band(traces, period, "percent")
    return found.assign(what=what, period=period)


def _draw_panel(axes: Axes, frame: pd.DataFrame, what: str, period: str) -> None:
    name = "bits" if what == "bits" else "whole codes"
    axes.set(
        title=f"{name} changed per {period}", xlabel="step" if period == "step" else "epoch", ylabel=f"% of {name}"
    )
    if frame.empty:
        blank(axes, "no run completed an epoch" if period == "epoch" else "no rows")
        return
    bands(axes, frame)
    _percent_axis(axes, frame["mean"])
    if period == "step":
        axes.set_xscale("log")
    else:
        _shade_claim(axes)


def _percent_axis(axes: Axes, values: pd.Series) -> None:
    """Logarithmic; where some value is zero, linear below the smallest other one, so that zero can be seen."""
    positive = values[values > 0]
    if len(positive) == len(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_yscale("symlog", linthresh=positive.min() if len(positive) else 1.0)
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")


def _shade_claim(axes: Axes) -> None:
    axes.axhspan(*CLAIMED, color="#009E73", alpha=0.13, lw=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    middle = float(np.sqrt(CLAIMED[0] * CLAIMED[1]))
    words = {"va": "center", "fontsize": 9.5, "color": "#00664B"}
    axes.text(1.02, middle, "1–5 %\nclaimed", words, transform=axes.get_yaxis_transform())


figure = Figure(
    name="hash_change",
    title="Change of hash codes",
    asks=(
        "Do codes change slowly while the weights train? All output rows, hashed by one fixed random SimHash; a whole "
        "code changes when any of its bits does. The shaded 1–5 % per epoch is the published claim's."
    ),
    data=hash_change,
    draw=draw,
    rank=30,
)
