"""The question at equal steps: what retrieval would be worth if it were free."""

from functools import partial

from reports.appearance import SHOWN
from reports.figures.base import Figure
from reports.learning_curve import draw_learning_curve, learning_curve

figure = Figure(
    name="question_steps",
    title="Hash tables and chance, at equal steps",
    asks=(
        "Which negatives teach most a step? What the oracle is ahead of random negatives by is all that retrieval can "
        "win; what LSH is ahead by is what it does win, before its cost is counted."
    ),
    data=partial(learning_curve, x="step", methods=SHOWN),
    draw=partial(draw_learning_curve, xlabel="optimiser steps", log=False),
    methods=SHOWN,
    rank=20,
    experiments=("question",),
)
