"""Language models of bytes after the same seconds: bits a character against length and against memory."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.appearance import look, ordered
from reports.byte_lm_lengths import at_end
from reports.drawing import blank, canvas, legend
from reports.figures.base import Figure

AXES = {"length": "length of sequences (log scale)", "peak_mib": "MiB held at most"}


def data(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds, by form and length."""
    groups = at_end(rows).groupby(["method", "length"])
    bits, peak = groups["bits"].agg(["mean", "std", "count"]), groups["peak_mib"].mean()
    return bits.rename(columns={"std": "sd", "count": "n"}).assign(peak_mib=peak).reset_index()


def draw(frame: pd.DataFrame) -> Canvas:
    """One line a form: at the left over length, at the right over memory."""
    figure, panels = canvas(11, 5.4, columns=2)
    for panel, (axis, words) in zip(panels, AXES.items(), strict=True):
        panel.set(xlabel=words, ylabel="bits a character")
        for method in ordered(frame["method"]):
            of, style = frame[frame["method"] == method], look(method)
            x, y, sd = of[axis], of["mean"], of["sd"]
            panel.errorbar(x, y, sd, color=style.colour, marker=style.marker, ls=style.dash, capsize=3)
        if frame.empty:
            blank(panel)
    if len(frame):
        lengths = sorted(set(frame["length"]))
        panels[0].set_xscale("log")
        panels[0].set_xticks(lengths, [f"{length:,}" for length in lengths])
        panels[0].minorticks_off()
    legend(figure, frame)
    return figure


figure = Figure(
    name="byte_lm_lengths",
    title="Longer sequences or more steps, after the same seconds",
    asks=(
        "Every model had the same seconds and the same bytes a step. A longer sequence says more about the next byte, "
        "if attention can use it in time; lower is better. Bars are standard deviations over seeds."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("byte-lm-lengths",),
)
