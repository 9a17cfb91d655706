"""Exponents from made-up costs that are powers of n."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.claims.sublinear_updates import claim
from reports.figures.base import discover, render
from reports.growth import exponents, table

SIZES = (1_000, 10_000, 100_000)


def make(power: float = 0.5, noise: float = 0.02, seeds: int = 3) -> Rows:
    """Two copies cost n^power, times e^noise; always costs n."""
    runs, measures, random = [], [], np.random.default_rng(0)
    for seed in range(seeds):
        for n in SIZES:
            run = Run(f"{seed}-{n}", "scheduler-growth", "paper", f"growth-all_{n}", "random_walk", seed, "ok")
            runs.append(replace(run, started="2026-11-23T10:00:00").flat())
            upkeep = {"always": float(n), "two_copy": n ** (power + noise * random.standard_normal())}
            for policy, rows in upkeep.items():
                counts = {"upkeep": rows, "rehashed": rows, "scanned": 0.0, "compared": float(n), "cost": rows + n}
                measures.append({"key": run.key, "policy": policy, "n": n} | counts)
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


def test_the_exponent_is_the_power():
    found = exponents(make(noise=0.0), "upkeep")
    assert found["all", "two_copy"].mean == pytest.approx(0.5)
    assert found["all", "always"].mean == pytest.approx(1.0)
    assert exponents(make(noise=0.0), "cost")["all", "always"].mean == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(), "reproduced"),
        (make(power=1.2), "not reproduced"),
        (make(power=0.95, noise=0.2), "inconclusive"),
        (make(seeds=1), "inconclusive"),
    ],
)
def test_the_claim_can_come_out_each_way(rows, verdict):
    assert claim.judge(rows).verdict == verdict


def test_the_table_and_the_figure_show_both_policies():
    assert table(make())["policy"].tolist() == ["always", "two_copy"]
    (figure,) = discover("scheduler-growth")
    assert set(figure.data(make())["policy"]) == {"always", "two_copy"}
    assert render(figure, make()).startswith(b"\x89PNG")
