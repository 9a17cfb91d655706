"""The question at equal seconds: ours, its hardest rivals, and the ceiling."""

from functools import partial

from reports.appearance import SHOWN
from reports.figures.base import Figure
from reports.learning_curve import draw_learning_curve, learning_curve

figure = Figure(
    name="question_seconds",
    title="Hash tables and chance, at equal seconds",
    asks=(
        "Which negatives teach most in the same time? Seconds are steps and table updates times what one of each cost, "
        "all systems by turns in one process. The oracle finds the true top 8 by scoring every label: it is the most "
        "that any index could find, at a price that nobody would pay."
    ),
    data=partial(learning_curve, x="train_s", methods=SHOWN),
    draw=partial(draw_learning_curve, xlabel="seconds of training", log=False),
    methods=SHOWN,
    rank=10,
    experiments=("question",),
)
