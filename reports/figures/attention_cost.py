"""Time and memory of a step of attention against the length of the sequence."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.attention_cost import LOOKS, measured
from reports.drawing import blank, canvas
from reports.figures.base import Figure

PANELS = [(dtype, what) for dtype in ("float32", "bfloat16") for what in ("step_ms", "peak_mib")]
WORDS = {"step_ms": "ms a step (log scale)", "peak_mib": "MiB held at most (log scale)"}
COLUMNS = ["method", "system", "dtype", "length", "quantity", "low", "median", "high"]


def data(rows: Rows) -> pd.DataFrame:
    """Median and quartiles over turns, by system, dtype and length."""
    long = measured(rows).melt(["system", "dtype", "length"], list(WORDS), "quantity")
    groups = long.assign(value=long["value"].astype(float)).groupby(["system", "dtype", "length", "quantity"])["value"]
    quartiles = [groups.quantile(part).rename(name) for name, part in (("low", 0.25), ("median", 0.5), ("high", 0.75))]
    return pd.concat(quartiles, axis=1).reset_index().assign(method="attention_cost").reindex(columns=COLUMNS)


def draw(frame: pd.DataFrame) -> Canvas:
    """A row of panels a dtype, time at the left, memory at the right; quartiles over turns as bars."""
    figure, panels = canvas(11, 8.4, rows=2, columns=2)
    for panel, (dtype, what) in zip(panels, PANELS, strict=True):
        _panel(panel, frame[(frame["dtype"] == dtype) & (frame["quantity"] == what)], dtype, what)
    if len(frame):
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, dtype: str, what: str) -> None:
    axes.set(title=dtype, xlabel="length (log scale)", ylabel=WORDS[what])
    if frame.empty:
        blank(axes)
        return
    for system, look in LOOKS.items():
        of = frame[frame["system"] == system]
        around = [of["median"] - of["low"], of["high"] - of["median"]]
        axes.errorbar(of["length"], of["median"], around, color=look.colour, marker=look.marker, label=look.label)
    lengths = sorted(set(frame["length"]))
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(lengths, [f"{length:,}" for length in lengths], rotation=45, minor=False)
    axes.minorticks_off()


figure = Figure(
    name="attention_cost",
    title="A step of attention by the length of the sequence",
    asks=(
        "Exact attention's work grows with the square of the length, that of attention by hashing in proportion to it. "
        "Where the lines cross, hashing begins to pay. Lines are medians over turns, bars their quartiles."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("attention-cost", "attention-cost-gpu"),
)
