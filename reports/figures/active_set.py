"""How many labels a training step scores, and how much of the exact top 10 is among them."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.appearance import SAMPLED
from reports.curves import BAND, band
from reports.drawing import bands, canvas, legend
from reports.figures.base import Figure
from reports.selection import evaluations

COLUMNS = ["kind", *BAND]


def active_set(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds of the active set's size and of its recall (%), over training seconds `x`."""
    traces = evaluations(rows)
    traces = traces[traces["method"] != "dense"].assign(recall=lambda frame: 100 * frame["recall_at_10"])
    parts = [band(traces, "train_s", kind).assign(kind=kind) for kind in ("active", "recall")]
    parts = [part[COLUMNS] for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def draw(frame: pd.DataFrame) -> Canvas:
    """Size at the left, recall at the right."""
    figure, (size, recall) = canvas(11, 5.2, columns=2)
    sizes = frame[frame["kind"] == "active"]
    bands(size, sizes)
    size.set(title="mean active set", xlabel="training time (s)", ylabel="labels")
    if len(sizes) and sizes["mean"].max() > 10 * sizes["mean"].min() > 0:
        size.set(ylabel="labels (log scale)", yscale="log")
    else:
        size.set_ylim(bottom=0)
    size.yaxis.set_major_formatter("{x:,g}")
    bands(recall, frame[frame["kind"] == "recall"])
    recall.set(title="recall of the exact top 10", xlabel="training time (s)", ylabel="%", ylim=(0, 105))
    legend(figure, frame)
    return figure


figure = Figure(
    name="active_set",
    title="Active set and its recall",
    asks=(
        "Do the tables find the labels that matter? If the active set holds no more of the exact top 10 inner products "
        "than random labels do, hashing gains nothing. The dense softmax scores every label and is left out."
    ),
    data=active_set,
    draw=draw,
    methods=SAMPLED,
    rank=60,
)
