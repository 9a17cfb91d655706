"""Language models of bytes from made-up rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.byte_lm import saved, table
from reports.claims.byte_lm import claim
from reports.figures.base import discover, render

PACE = {"full": 1.0, "lsh_1": 2.0, "mongoose_1": 3.0}  # seconds a hundred steps
END = {"full": 2.0, "lsh_1": 2.4, "mongoose_1": 2.2}


def make(gain: float = 0.2, seeds: int = 3, noise: float = 0.01) -> Rows:
    """Bits fall evenly from 4 to the end; learned rotations save `gain` over random ones; seeds differ by noise."""
    runs, measures, random = [], [], np.random.default_rng(0)
    for trained, end in (END | {"mongoose_1": END["lsh_1"] - gain}).items():
        for seed in range(seeds):
            run = Run(f"{trained}-{seed}", "byte-lm", "quick", f"byte_lm-{trained}", "debwik8", seed, "ok")
            runs.append(replace(run, started="2026-11-25T10:00:00").flat())
            reached = end + noise * random.standard_normal()
            for step in (50, 100):
                bits = 4 - (4 - reached) * step / 100
                counts = {"step": step, "train_s": PACE[trained] * step / 100, "loss": bits / 1.44, "fits": 2}
                for form in dict.fromkeys((trained, "lsh_1", "full")):
                    row = {"bits": bits + (form != trained), "mass": 0.5, "evaluated": form}
                    measures.append({"key": run.key, "trained": trained} | counts | row)
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(), "reproduced"),
        (make(gain=-0.2), "not reproduced"),
        (make(gain=0.0), "inconclusive"),
        (make(seeds=1), "inconclusive"),
        (make(seeds=0), "not run"),
    ],
)
def test_the_claim_can_come_out_each_way(rows: Rows, verdict: str) -> None:
    assert claim.judge(rows).verdict == verdict


def test_what_is_saved_after_equal_steps_and_after_equal_seconds() -> None:
    """At 2 s random rotations have done all steps, learned ones two thirds: 4 − 1.8·(2/3) bits."""
    rows = make(noise=0.0)
    assert saved(rows, 1, "step").mean == pytest.approx(0.2)
    assert saved(rows, 1, "train_s").mean == pytest.approx(2.4 - (4 - 1.8 * 2 / 3))


def test_the_table_compares_after_equal_steps_and_equal_seconds() -> None:
    found = table(make(noise=0.0)).set_index("trained with")
    assert found["bits at equal steps"].tolist() == ["2.000 ± 0.000", "2.400 ± 0.000", "2.200 ± 0.000"]
    assert found["bits at 1 s"].tolist() == ["2.000 ± 0.000", "3.200 ± 0.000", "—"]
    assert found.loc["MONGOOSE, 1 round", "bits, new random functions"] == "3.200 ± 0.000"
    assert found.loc["full attention", "bits, new random functions"] == "—"


def test_the_figure_draws_both_axes_and_nothing_where_there_is_nothing() -> None:
    (figure,) = discover("byte-lm")
    assert set(figure.data(make())["axis"]) == {"step", "train_s"}
    for rows in (make(), make(seeds=0)):
        assert render(figure, rows).startswith(b"\x89PNG")
