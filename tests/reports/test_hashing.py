"""Recall of hash families from made-up measurements."""

from dataclasses import replace

import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.claims.learned_hashing import LEARNED, claim
from reports.figures.base import discover, render
from reports.hashing import RANDOM, gain, tables


def make(times: float = 2.0, share: float = 0.05, noise: float = 0.02, seeds: int = 3) -> Rows:
    """Random SimHash finds a tenth late and a half early; the learned one `times` as much late."""
    runs, measures = [], []
    for seed in range(seeds):
        run = Run(f"run-{seed}", "learned-hashing", "paper", "hashing", "wordnet", seed, "ok")
        runs.append(replace(run, started="2026-11-23T10:00:00").flat())
        for axis, budget in (("candidates", 512), ("microseconds", 20)):
            for step, found in ((500, {RANDOM: 0.5, LEARNED: 0.5}), (8000, {RANDOM: 0.1, LEARNED: 0.1 * times})):
                for family, recall in found.items():
                    point = {"axis": axis, "budget": budget, "candidates": 500.0, "microseconds": 20.0}
                    seen = {f"recall_at_{k}": recall * (1 + noise * (seed - 1)) for k in ("10", "100", "10_rare")}
                    cost = {"training_share": share if family == LEARNED else None}
                    measures.append({"key": run.key, "family": family, "step": step} | point | seen | cost)
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


def test_the_gain_is_that_at_the_last_mark():
    assert gain(make(noise=0.0), LEARNED, "candidates", 512).mean == pytest.approx(2.0)
    assert gain(make(), "no such family", "candidates", 512).n == 0


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(noise=0.0), "reproduced"),
        (make(times=1.2, noise=0.0), "not reproduced"),
        (make(share=0.5, noise=0.0), "not reproduced"),
        (make(seeds=1), "inconclusive"),
    ],
)
def test_the_claim_can_come_out_each_way(rows, verdict):
    assert claim.judge(rows).verdict == verdict


def test_without_measurements_it_is_not_run():
    rows = make()
    assert claim.judge(rows.of(rows.runs.iloc[:0])).verdict == "not run"


def test_tables_and_the_figure_show_both_families():
    assert all(frame["family"].tolist() == [RANDOM, LEARNED] for _, _, frame in tables(make()))
    (figure,) = discover("learned-hashing")
    assert set(figure.data(make())["family"]) == {RANDOM, LEARNED}
    assert render(figure, make()).startswith(b"\x89PNG")
