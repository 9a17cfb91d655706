"""Language models of bytes from made-up rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.byte_lm import by_layer, saved, table
from reports.claims.byte_lm import claim
from reports.figures.base import discover, render

PACE = {"full": 1.0, "lsh_1": 2.0, "mongoose_1": 3.0}  # seconds a hundred steps
END = {"full": 2.0, "lsh_1": 2.4, "mongoose_1": 2.2}


LAYERS = [{"layer": 0, "mass": 0.4}, {"layer": 1, "mass": 0.6}]


def _changed(own: bool, step: int) -> dict[str, float]:
    return {"changed": float("nan") if step == 50 else 0.03} if own else {}


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
                counts |= {"peak_mib": 100.0}
                for form in dict.fromkeys((trained, "lsh_1", "full")):
                    row = {"bits": bits + (form != trained), "mass": 0.5, "evaluated": form}
                    told = {"key": run.key, "trained": trained}
                    measures.append(told | counts | row)
                    judged = told | {"evaluated": form, "step": step}
                    measures += [judged | LAYERS[layer] | _changed(form == trained, step) for layer in (0, 1)]
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


def test_each_layer_has_a_row_with_what_changed_between_evaluations() -> None:
    found = by_layer(make(noise=0.0)).set_index(["trained with", "layer"])
    assert len(found) == 6
    assert found["within reach, step 100 (%)"].tolist() == 3 * ["40.0 ± 0.0", "60.0 ± 0.0"]
    assert set(found["codes changed, step 100 (%)"]) == {"3.0 ± 0.0"}
    assert found.loc[("full attention", "1"), "n"] == "3"
    assert by_layer(make(seeds=0)).empty


def test_the_figure_of_layers_has_nothing_to_say_of_changes_at_the_first_evaluation() -> None:
    frame = discover("byte-lm")[1].data(make())
    assert frame.groupby("quantity")["x"].agg(set).to_dict() == {"changed": {100}, "mass": {50, 100}}
    assert set(frame["layer"]) == {0, 1}


def test_the_figures_draw_both_axes_and_nothing_where_there_is_nothing() -> None:
    figure, layers = discover("byte-lm")
    assert set(figure.data(make())["axis"]) == {"step", "train_s"}
    for rows in (make(), make(seeds=0)):
        assert render(figure, rows).startswith(b"\x89PNG")
        assert render(layers, rows).startswith(b"\x89PNG")
