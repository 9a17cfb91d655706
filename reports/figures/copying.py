"""The duplication task: loss and accuracy over steps and seconds."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.copying import STUDY, as_trained
from reports.curves import band
from reports.drawing import bands, canvas, legend
from reports.figures.base import Figure

FORMS_SHOWN = ("full", "local", "lsh_1", "lsh_2", "lsh_4", "mongoose_1", "random_1", "random_4", "topk_1")
PANELS = (("step", "held_out"), ("step", "accuracy"), ("train_s", "held_out"), ("train_s", "accuracy"))
WORDS = {
    "step": "steps",
    "train_s": "seconds of training",
    "held_out": "loss (nats a symbol)",
    "accuracy": "symbols told right (%)",
}


def data(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds, by axis and quantity."""
    found = as_trained(rows).assign(accuracy=lambda of: 100 * of["accuracy"])
    return pd.concat([band(found, x, y).assign(axis=x, quantity=y) for x, y in PANELS], ignore_index=True)


def draw(frame: pd.DataFrame) -> Canvas:
    """Above over steps, below over seconds."""
    figure, panels = canvas(11, 8, rows=2, columns=2)
    for panel, (x, y) in zip(panels, PANELS, strict=True):
        panel.set(xlabel=WORDS[x], ylabel=WORDS[y])
        bands(panel, frame[(frame["axis"] == x) & (frame["quantity"] == y)])
    legend(figure, frame)
    return figure


figure = Figure(
    name="copying",
    title="The copy task",
    asks=(
        "Which forms of attention learn to say a word again that they have just read? Each is judged as it was "
        "trained, on sequences that it has not seen."
    ),
    data=data,
    draw=draw,
    methods=tuple(f"{STUDY}{form}" for form in FORMS_SHOWN),
    rank=10,
    experiments=("copy-task",),
)
