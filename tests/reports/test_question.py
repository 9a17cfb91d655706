"""The question's verdict follows from rows: seconds from measured costs, every rival, the gate."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.experiments.question import PACE
from bench.record import Environment, Run, Trace
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows, export_rows
from reports.appearance import SHOWN
from reports.claims.base import judge_all
from reports.claims.lsh_pays import GATE, RIVALS, claim
from reports.costs import clocked, costs
from reports.duel import duels
from reports.figures.base import discover, render
from reports.notebooks import execute
from reports.question import in_short, tables
from reports.readme import question
from reports.selection import CURVES, current, settings

SEEDS = (0, 1, 2)
TOP = {"mongoose": 0.45}  # the others end at 0.40
MS = {"mongoose": 15.0}  # the others take 10


def make(
    without: tuple[str, ...] = (),
    top: dict[str, float] | None = None,
    ms: dict[str, float] | None = None,
    recall: float = 0.3,
    seeds: tuple[int, ...] = SEEDS,
    uneven: str = "",
) -> Rows:
    """Curves that rise by 1 − e^(−step/2000) to each system's top, in 12,000 steps, and what steps cost.

    uneven: a system whose seeds differ by a fifth.
    """
    methods = [method for method in ("mongoose", *RIVALS) if method not in without]
    tops, cost = dict.fromkeys(methods, 0.4) | TOP | (top or {}), dict.fromkeys(methods, 10.0) | MS | (ms or {})
    runs = [_run(method, seed) for method in methods for seed in seeds]
    by_seed = {run.key: tops[run.method] * (1 + 0.2 * (run.seed - 1) * (run.method == uneven)) for run in runs}
    traces = [trace for run in runs for trace in _traces(run, by_seed[run.key], recall)]
    study = replace(_run("step_cost", 0), key="costs")
    measures = [
        {"key": "costs", "system": method, "round": r, "step_ms": cost[method] + r, "asked_ms": 0.1, "update_ms": 500.0}
        for method in methods
        for r in (-1, 0, 1)
    ]
    return Rows(
        pd.DataFrame([run.flat() for run in [*runs, study]], columns=RUN_COLUMNS),
        pd.DataFrame([asdict(trace) for trace in traces], columns=TRACE_COLUMNS),
        pd.DataFrame(measures),
    )


def _run(method: str, seed: int) -> Run:
    environment = Environment("Example CPU", 2, 8.0, 1, "cpu", "3.12.3", "2.9.0", "Linux x86_64", "0123abc", "feed")
    done = Run(f"{method}-{seed}", "question", "paper", method, "wordnet", seed, "ok", environment=environment)
    return replace(done, steps=12_000, train_s=999.0, table_updates=12, p_at_1=0.4, started="2026-11-23T10:00:00")


def _traces(run: Run, top: float, recall: float) -> list[Trace]:
    noise = 0.001 * np.random.default_rng([run.seed, len(run.method)]).standard_normal()
    steps = range(1000, 13_000, 1000)
    moment = Trace(run.key, run.method, "wordnet", run.seed, "evaluation", 0, 0.0, 999.0)
    return [
        replace(
            moment,
            step=step,
            table_updates=step // 1000,
            p_at_1=(top + noise) * (1 - np.exp(-step / 2000)),
            retrieved_at_10=recall if "mongoose" in run.method else np.nan,
        )
        for step in steps
    ]


def judge(rows: Rows) -> str:
    (_, part), *rest = settings(current(rows))
    assert not rest
    return claim.judge(part).verdict


def test_seconds_are_steps_and_updates_times_their_costs():
    rows = clocked(make())
    found = rows.traces[(rows.traces["method"] == "mongoose") & (rows.traces["step"] == 4000)]
    assert found["train_s"].to_numpy() == pytest.approx(4000 * 0.0151 + 4 * 0.5)
    assert costs(rows).loc["sampled_uniform-4k", "step_ms"] == 10.0


def test_without_measured_costs_seconds_are_kept_unless_steps_were_counted():
    rows = make()
    assert set(clocked(Rows(rows.runs, rows.traces)).traces["train_s"]) == {999.0}
    counted = Rows(rows.runs.assign(config='{"steps": 12000}'), rows.traces)
    assert clocked(counted).traces["train_s"].isna().all()
    assert judge(counted) == "not run"


BEHIND_AT_STEPS = {"top": {"sampled_frequency-16k": 0.46}, "ms": {"sampled_frequency-16k": 80.0}}


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({}, "reproduced"),
        (BEHIND_AT_STEPS, "reproduced"),
        ({"ms": {"mongoose": 100.0}}, "partly"),
        ({"top": {"mongoose": 0.39}}, "not reproduced"),
        ({"top": {"pool_hardest": 0.46}}, "not reproduced"),
        ({"recall": GATE / 2}, "not reproduced"),
        ({"recall": np.nan}, "inconclusive"),
        ({"without": ("sampled_frequency-16k",)}, "inconclusive"),
        ({"seeds": (0,)}, "inconclusive"),
        ({"seeds": (0, 1)}, "inconclusive"),  # two agree by chance
        ({"without": ("mongoose",)}, "not run"),
        ({"uneven": "in_batch"}, "inconclusive"),  # not the hardest by its mean, and still not beaten
        (
            BEHIND_AT_STEPS | {"uneven": "in_batch"},
            "inconclusive",
        ),  # behind one at equal steps, level with one at seconds
        ({"ms": {"in_batch": 0.001}}, "inconclusive"),  # ends before our first evaluation: cannot be compared
    ],
)
def test_the_verdict_can_come_out_each_way(settings, verdict):
    assert judge(make(**settings)) == verdict


def test_the_hardest_rival_comes_first_and_break_even_is_the_ratio_of_steps():
    found = duels(make(top={"pool_hardest": 0.449}), "mongoose", RIVALS, "step")
    assert found[0].rival == "pool_hardest"
    at_break_even = next(duel for duel in duels(make(top={"mongoose": 0.3}), "mongoose", RIVALS, "step"))
    expected = -2000 * np.log(1 - 0.3 * (1 - np.exp(-6)) / 0.4) / 12_000
    assert at_break_even.break_even == pytest.approx(expected, rel=0.05)


def test_a_claim_is_judged_by_its_own_experiment_alone(make_rows):
    judged = judge_all(make()).set_index("id")
    assert judged.loc["mongoose/lsh-pays", "verdict"] == "reproduced"
    assert set(judged.drop("mongoose/lsh-pays")["verdict"]) == {"not run"}
    assert judge_all(make_rows()).set_index("id").loc["mongoose/lsh-pays", "verdict"] == "not run"


def test_in_short_every_rival_stands_with_what_its_step_costs():
    (_, rows), *_ = settings(current(make(ms={"pool_hardest": 30.0})))
    short = in_short(rows).set_index("rival")
    assert len(short) == len(RIVALS)
    assert short.loc["pool, hardest 8", "its step / ours"] == "2.00"
    assert short.loc["pool, hardest 8", "steps"] == "12,000"


def test_the_readme_tells_the_verdict_of_each_set_and_every_rival():
    block = question(make())
    assert block.startswith("**wordnet: reproduced.** ")
    assert block.count("\n| ") == len(RIVALS) + 2


def test_the_notebook_shows_what_the_report_does(tmp_path):
    export_rows(make(), tmp_path / "kept" / "question")
    given = {"quick_store": str(tmp_path / "none"), "reference_exports": str(tmp_path / "kept")}
    text = execute(Path("notebooks/does_lsh_pay.py"), tmp_path / "n.ipynb", given).read_text()
    assert text.count('"image/png": "') == 2
    assert "Ahead of every rival after the same seconds." in text


def test_figures_show_every_system_that_runs_to_the_end():
    assert set(PACE) <= set(SHOWN)


def test_tables_and_figures_are_drawn():
    (_, rows), *_ = settings(current(make()))
    shown = {title: frame for title, _, frame in tables(rows)}
    assert all(len(frame) for frame in shown.values())
    assert (
        shown["What a step costs"].set_index("system").loc["MONGOOSE", "times the cheapest"] == "1.47"
    )  # (15 + 0.1 + 0.5) / (10 + 0.1 + 0.5)
    names = [figure.name for figure in discover("question")]
    assert names == ["question_seconds", "question_steps"]
    assert all(render(figure, rows).startswith(b"\x89PNG") for figure in discover("question"))
    assert not set(names) & {figure.name for figure in discover(CURVES[0])}
