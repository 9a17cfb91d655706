"""Recall of hash families as training goes on."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.drawing import blank, canvas
from reports.figures.base import Figure
from reports.hashing import AXES, recalls

BUDGETS = {"candidates": 512, "microseconds": 20}
SHOWN = {
    "simhash-raw": ("SimHash, not centred", "#9AA0A2", "v", ":"),
    "simhash": ("SimHash", "#56B4E9", "D", "-"),
    "hadamard": ("Hadamard SimHash", "#0072B2", "o", "-"),
    "dwta": ("DWTA", "#999933", "*", "-"),
    "pca": ("PCA planes", "#E69F00", "^", "-"),
    "itq": ("ITQ", "#7A5300", "s", "-"),
    "released": ("learned, as released", "#CC79A7", "x", ":"),
    "cosine": ("learned, Eq. 3 (cosine)", "#A94E81", "<", "-"),
    "triplet": ("learned, triplet of bits", "#D55E00", "P", "-"),
    "contrastive": ("learned, contrastive", "#117733", "X", "-"),
}
COLUMNS = ["method", "axis", "family", "step", "mean", "sd", "n"]


def data(rows: Rows) -> pd.DataFrame:
    """Percent recall@10 at the budgets drawn: mean, sd and n over seeds, by family and step."""
    found = recalls(rows)
    chosen = found[found["budget"] == found["axis"].map(BUDGETS)]
    frame = chosen.groupby(["axis", "family", "step"])["recall_at_10"].agg(["mean", "std", "count"]).reset_index()
    frame = frame.rename(columns={"std": "sd", "count": "n"}).assign(method="hashing")
    return frame.assign(mean=100 * frame["mean"], sd=100 * frame["sd"])[COLUMNS]


def draw(frame: pd.DataFrame) -> Canvas:
    """Equal candidates at the left, equal time at the right."""
    figure, axes = canvas(11, 6, columns=2)
    for panel, (axis, budget) in zip(axes, BUDGETS.items(), strict=True):
        panel.set(title=f"{budget} {AXES[axis]}", xlabel="training steps (log scale)", ylabel="recall@10 (%)")
        of = frame[frame["axis"] == axis]
        for family, (words, colour, marker, dash) in SHOWN.items():
            line = of[of["family"] == family]
            x, y, sd = line["step"], line["mean"], line["sd"]
            if len(line):
                panel.errorbar(x, y, sd, color=colour, marker=marker, ls=dash, capsize=3, label=words)
        if of.empty:
            blank(panel)
        else:
            panel.set_xscale("log")
            panel.set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


figure = Figure(
    name="recall_over_training",
    title="What hash families find, over training",
    asks=(
        "Do learned functions find more of the ten largest scores than random ones, for the same candidates and for "
        "the same time? Early on all queries want the same few rows, and whatever has those in a bucket does well."
    ),
    data=data,
    draw=draw,
    methods=(),
    rank=10,
    experiments=("learned-hashing",),
)
