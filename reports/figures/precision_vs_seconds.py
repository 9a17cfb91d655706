"""Test P@1 against seconds of training: the comparison at equal seconds."""

from functools import partial

from reports.appearance import TRAINED, UNTRAINED
from reports.figures.base import Figure
from reports.learning_curve import draw_learning_curve, learning_curve

figure = Figure(
    name="precision_vs_seconds",
    title="Precision at equal seconds",
    asks=(
        "Which method is best after the same seconds of training? Lines are means over seeds, bands ± 1 sd, only as "
        "far as every seed was trained; time spent evaluating does not count. Horizontal lines need no training."
    ),
    data=partial(learning_curve, x="train_s"),
    draw=partial(draw_learning_curve, xlabel="training time (s)", log=False),
    methods=(*TRAINED, *UNTRAINED),
    rank=10,
)
