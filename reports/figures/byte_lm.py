"""Language models of bytes: bits a character over steps and seconds."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.byte_lm import STUDY, as_trained
from reports.curves import band
from reports.drawing import bands, canvas, legend
from reports.figures.base import Figure

FORMS_SHOWN = ("full", "local", "lsh_1", "lsh_4", "mongoose_1", "mongoose_4", "random_4", "topk_1")
AXES = {"step": "steps", "train_s": "seconds of training"}


def data(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds, by axis."""
    found = as_trained(rows)
    return pd.concat([band(found, axis, "bits").assign(axis=axis) for axis in AXES], ignore_index=True)


def draw(frame: pd.DataFrame) -> Canvas:
    """Left over steps, right over seconds."""
    figure, panels = canvas(11, 5.2, columns=2)
    for panel, (axis, words) in zip(panels, AXES.items(), strict=True):
        panel.set(xlabel=words, ylabel="bits a character")
        bands(panel, frame[frame["axis"] == axis])
    legend(figure, frame)
    return figure


figure = Figure(
    name="byte_lm",
    title="A language model of bytes",
    asks=(
        "What does it cost to attend by hash? The models differ in attention alone; lower is better. On the left after "
        "equal steps, on the right after equal seconds."
    ),
    data=data,
    draw=draw,
    methods=tuple(f"{STUDY}{form}" for form in FORMS_SHOWN),
    rank=10,
    experiments=("byte-lm",),
)
