"""Test P@1 against optimiser steps: the comparison at equal steps."""

from functools import partial

from reports.appearance import TRAINED, UNTRAINED
from reports.figures.base import Figure
from reports.learning_curve import draw_learning_curve, learning_curve

figure = Figure(
    name="precision_vs_steps",
    title="Precision at equal steps",
    asks=(
        "Which method learns most from the same number of batches? A line ends where the method's budget of seconds "
        "ended: a short line is a slow step, not a failure. The step axis is logarithmic."
    ),
    data=partial(learning_curve, x="step"),
    draw=partial(draw_learning_curve, xlabel="optimiser steps (log scale)", log=True),
    methods=(*TRAINED, *UNTRAINED),
    rank=20,
)
