"""The copy task from made-up rows: a verdict each way, the grid, the curves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.claims import hashing_matters
from reports.claims.copy_task import claim
from reports.copying import costs, grid
from reports.figures.base import discover, render

GOOD = {"full": 1.0, "lsh_1": 0.6, "lsh_4": 0.999, "mongoose_1": 0.997}


def make(accuracies: Mapping[str, float] = GOOD, seeds: Sequence[int] = (0, 1, 2), noise: float = 1e-3) -> Rows:
    """Accuracy rises to what is given; judged by all positions it is half of that, with one round a quarter."""
    runs, measures, random = [], [], np.random.default_rng(0)
    for trained, top in accuracies.items():
        for seed in seeds:
            run = Run(f"{trained}-{seed}", "copy-task", "quick", f"copying-{trained}", "copy", seed, "ok")
            runs.append(replace(run, started="2026-11-25T10:00:00").flat())
            end = min(1.0, top + noise * random.standard_normal())
            for part in (0.5, 1.0):
                counts = {"step": int(100 * part), "train_s": 10 * part, "loss": 2 - part, "fits": 3}
                judged = {"full": 0.5, "lsh_1": 0.25} | {trained: 1.0}
                for form, share in judged.items():
                    row = {"accuracy": part * share * end, "held_out": 2.5 - part, "mass": 0.9 * share}
                    measures.append({"key": run.key, "trained": trained, "evaluated": form} | counts | row)
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(), "reproduced"),
        (make(GOOD | {"mongoose_1": 0.8}), "not reproduced"),
        (make(GOOD | {"lsh_4": 0.9}), "not reproduced"),
        (make(GOOD | {"lsh_4": 0.99}, noise=0.02), "inconclusive"),
        (make(seeds=(0,)), "inconclusive"),
        (make({"full": 1.0, "lsh_4": 1.0}), "not run"),
    ],
)
def test_the_claim_can_come_out_each_way(rows: Rows, verdict: str) -> None:
    assert claim.judge(rows).verdict == verdict


def test_the_claim_says_what_the_others_reached() -> None:
    found = claim.judge(make(noise=0.0))
    assert (found.effect, found.n) == (pytest.approx(99.7), 3)
    assert "LSH with 1 round 60.0 %" in found.reason


def test_the_grid_has_the_last_evaluation_of_each_way_to_judge() -> None:
    table = grid(make(noise=0.0), "accuracy").set_index("trained with")
    assert table.loc["full attention", "full attention"] == "100.0 ± 0.0"
    assert table.loc["LSH, 4 rounds", "full attention"] == "50.0 ± 0.0"
    assert table.loc["LSH, 4 rounds", "as trained"] == "99.9 ± 0.0"
    assert table.loc["LSH, 4 rounds", "LSH, 2 rounds"] == "—"
    assert set(table["n"]) == {"3"}


def test_runs_that_failed_are_in_no_mean() -> None:
    rows = make(noise=0.0)
    rows.runs.loc[rows.runs["key"] == "full-2", "status"] = "error"
    assert grid(rows, "accuracy").set_index("trained with").loc["full attention", "n"] == "2"
    assert costs(rows)["n"].tolist() == ["2", "3", "3", "3"]


def test_the_figure_has_a_curve_over_steps_and_seconds_as_trained() -> None:
    (figure,) = discover("copy-task")
    frame = figure.data(make(noise=0.0))
    over = frame[(frame["axis"] == "train_s") & (frame["quantity"] == "accuracy") & (frame["method"] == "copying-full")]
    assert over[["x", "mean"]].to_numpy().tolist() == [[5.0, 50.0], [10.0, 100.0]]
    assert render(figure, make()).startswith(b"\x89PNG")
    nothing = make({})
    assert figure.data(nothing).empty
    assert render(figure, nothing).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("by_lot", "seeds", "verdict"),
    [
        (0.4, (0, 1, 2), "reproduced"),
        (1.0, (0, 1, 2), "not reproduced"),
        (0.999, (0, 1, 2), "inconclusive"),
        (0.4, (0,), "inconclusive"),
    ],
)
def test_whether_hashing_matters_can_come_out_each_way(by_lot: float, seeds: Sequence[int], verdict: str) -> None:
    hashed = 0.9 if by_lot == 1.0 else 0.999
    found = hashing_matters.claim.judge(make({"lsh_4": hashed, "random_4": by_lot, "topk_1": 0.98}, seeds))
    assert found.verdict == verdict
    assert "the best of all: 98." in found.reason or "97." in found.reason
    assert hashing_matters.claim.judge(make()).verdict == "not run"
