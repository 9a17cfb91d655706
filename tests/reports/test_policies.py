"""Costs and keeps of policies, from made-up runs."""

from dataclasses import asdict, replace

import pandas as pd
import pytest

from bench.record import Run, Trace
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.claims.update_savings import claim
from reports.figures.base import discover, render
from reports.policies import by_run, table

USUAL = {"always": (100.0, 0.4), "drift": (3.0, 0.39), "two_copy": (2.0, 0.395), "oracle": (1.0, 0.4)}


def make(seeds: int = 3, noise: float = 0.002, **changed: tuple[float, float]) -> Rows:
    """policy → rows re-hashed a step of 100, recall; tables built anew would have 0.4."""
    runs, traces = [], []
    for policy, (hashed, recall) in (USUAL | changed).items():
        for seed in range(seeds):
            run = Run(f"{policy}-{seed}", "policies", "paper", f"lsh_policy-{policy}", "wordnet", seed, "ok")
            runs.append(replace(run, p_at_1=0.2).flat())
            moment = Trace(run.key, run.method, "wordnet", seed, "evaluation", 0, 0.0, 1.0)
            for step in (500, 1000):
                counted = {"rows_hashed": int(hashed * step), "rows_updated": step, "table_updates": step // 100}
                counted |= {"rows_aside": 30.0 if policy == "two_copy" else 0.0}
                found = {"candidate_recall": recall + noise * (seed - 1), "fresh_recall": 0.4}
                traces.append(asdict(replace(moment, step=step, **counted, **found)))
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(traces, columns=TRACE_COLUMNS))


def test_shares_are_of_what_updating_always_hashed():
    found = by_run(make(noise=0)).groupby("policy")[["hashed", "moved", "kept", "updates"]].mean()
    assert found.loc["drift"].to_dict() == pytest.approx({"hashed": 0.03, "moved": 0.01, "kept": 0.975, "updates": 10})


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(), "reproduced"),
        (make(drift=(30.0, 0.4)), "not reproduced"),
        (make(two_copy=(1.0, 0.2)), "not reproduced"),
        (make(noise=0.05), "inconclusive"),
        (make(seeds=1), "inconclusive"),
    ],
)
def test_the_claim_can_come_out_each_way(rows, verdict):
    assert claim.judge(rows).verdict == verdict


def test_without_naive_lsh_there_is_nothing_to_compare_with():
    rows = make()
    assert claim.judge(rows.of(rows.runs[rows.runs["method"] != "lsh_policy-always"])).verdict == "not run"


def test_the_oracles_saving_is_told():
    assert "An oracle would re-hash 1.000 % (100 times fewer)." in claim.judge(make()).reason


def test_rows_that_queries_scan_beside_the_tables_are_told():
    assert "Algorithm 1 has every query scan 30 rows besides." in claim.judge(make()).reason
    assert table(make())["rows scanned aside a query"].tolist() == ["0 ± 0", "0 ± 0", "30 ± 0", "0 ± 0"]


def test_the_table_and_the_figure_show_every_policy():
    assert table(make())["policy"].tolist() == ["always (naive LSH)", "oracle", "Algorithm 1", "code drift 2 %"]
    (figure,) = discover("policies")
    assert len(figure.data(make())) == 4
    assert render(figure, make()).startswith(b"\x89PNG")
