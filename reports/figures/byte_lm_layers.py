"""Language models of bytes, layer by layer: attention within reach, and how fast codes change."""

import pandas as pd
from matplotlib.figure import Figure as Canvas

from bench.store import Rows
from reports.byte_lm import STUDY, layers
from reports.curves import BAND, band
from reports.drawing import bands, canvas, legend
from reports.figures.base import Figure

FORMS_SHOWN = ("full", "local", "lsh_1", "lsh_4", "mongoose_1", "mongoose_4")
WORDS = {"mass": "attention within reach (%)", "changed": "codes changed (%)"}


def data(rows: Rows) -> pd.DataFrame:
    """Mean, sd and n over seeds, by quantity and layer, of models as they were trained."""
    found = layers(rows)
    own = found[(found["trained"] == found["evaluated"]) & found["trained"].isin(FORMS_SHOWN)]
    own = own.assign(mass=100 * own["mass"], changed=100 * own["changed"])
    parts = [
        band(of, "step", what).assign(quantity=what, layer=layer)
        for layer, of in own.groupby("layer")
        for what in WORDS
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*BAND, "quantity", "layer"])


def draw(frame: pd.DataFrame) -> Canvas:
    """A column of panels a layer."""
    depth = max(1, frame["layer"].nunique())
    figure, panels = canvas(11, 8, rows=2, columns=depth)
    for place, panel in enumerate(panels):
        what, layer = list(WORDS)[place // depth], place % depth
        panel.set(xlabel="steps", ylabel=WORDS[what], title=f"layer {layer + 1}")
        bands(panel, frame[(frame["quantity"] == what) & (frame["layer"] == layer)])
    legend(figure, frame)
    return figure


figure = Figure(
    name="byte_lm_layers",
    title="Attention by hashing, layer by layer",
    asks=(
        "Above: of what exact attention would pay to its best 8 positions, the share that is within reach. Below: the "
        "share of hash codes of the same text that changed since the evaluation before, by the weights' doing alone."
    ),
    data=data,
    draw=draw,
    methods=tuple(f"{STUDY}{form}" for form in FORMS_SHOWN),
    rank=20,
    experiments=("byte-lm",),
)
