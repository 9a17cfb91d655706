"""Rows as an experiment would store them, made up: plausible curves, several seeds, methods left out, failed runs."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from math import exp

import numpy as np
import pandas as pd
import pytest

from bench.record import Environment, Run, Trace
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows

MakeRows = Callable[..., Rows]

# steps a second, final P@1, time constant in s, active set, recall, updates a step, share of time in updates, peak MiB
PLAUSIBLE = {
    "dense": (1.5, 0.150, 45.0, 113_595.0, 1.00, 0.0, 0.00, 2900.0),
    "sampled_uniform": (90.0, 0.240, 18.0, 1300.0, 0.03, 0.0, 0.00, 1500.0),
    "sampled_frequency": (88.0, 0.262, 16.0, 1310.0, 0.05, 0.0, 0.00, 1500.0),
    "naive_lsh": (4.0, 0.120, 40.0, 2100.0, 0.46, 1.0, 0.82, 1750.0),
    "slide": (28.0, 0.220, 20.0, 2050.0, 0.38, 0.02, 0.21, 1740.0),
    "mongoose": (33.0, 0.275, 17.0, 1400.0, 0.52, 0.004, 0.06, 1690.0),
}
UNTRAINED = {"nearest_neighbours": 0.205, "most_frequent": 0.006}


def _run_and_traces(method: str, seed: int, scale: str, budget_s: float) -> tuple[Run, list[Trace]]:
    peak = PLAUSIBLE[method][-1]
    random = np.random.default_rng([seed, list(PLAUSIBLE).index(method)])
    key = f"{method}-{seed}-{scale}"
    evaluations = _evaluations(key, method, seed, budget_s, random)
    run = _run(key, method, seed, scale, budget_s, evaluations[-1], peak + 8 * random.standard_normal())
    return run, evaluations + _epochs(key, method, seed, budget_s, random)


def _evaluations(key: str, method: str, seed: int, budget_s: float, random: np.random.Generator) -> list[Trace]:
    rate, top, constant, active, recall, updates, share, peak = PLAUSIBLE[method]
    top, slowness = top * (1 + 0.02 * random.standard_normal()), constant * budget_s / 60
    times = np.linspace(0.08, 1, 13) * budget_s * (1 + 0.01 * random.random(13))
    found = []
    for t in np.sort(times).tolist():
        step = max(1, int(rate * t))
        p_at_1 = top * (1 - exp(-t / slowness)) * (1 + 0.01 * random.standard_normal())
        costs = {"update_s": share * t, "table_updates": int(updates * step), "peak_mib": peak}
        sets = {"active": active * (1 + 0.1 * exp(-t / 9)), "recall_at_10": recall * (1 - 0.4 * exp(-t / 9))}
        scores = {"validation_p_at_1": 1.02 * p_at_1, "p_at_1": p_at_1, "p_at_3": 0.8 * p_at_1, "p_at_5": 0.6 * p_at_1}
        hashes = {"bits_changed_step": 0.004 / (1 + t), "codes_changed_step": 0.03 / (1 + t)}
        moment = Trace(key, method, "wordnet", seed, "evaluation", step, step / 400, t, loss=8 - 20 * p_at_1)
        found.append(replace(moment, **costs, **sets, **scores, **hashes))
    return found


def _epochs(key: str, method: str, seed: int, budget_s: float, random: np.random.Generator) -> list[Trace]:
    """An epoch's event is the first step past its end, so its `epoch` is a little more than a whole number."""
    rate, found = PLAUSIBLE[method][0], []
    for epoch in range(1, int(rate * budget_s / 400) + 1):
        bits = (0.03 if method == "mongoose" else 0.05) / epoch**0.7
        moment = Trace(key, method, "wordnet", seed, "epoch", 400 * epoch, epoch + 0.28, 400 * epoch / rate)
        noisy = bits * (1 + 0.05 * random.standard_normal())
        found.append(replace(moment, bits_changed_epoch=noisy, codes_changed_epoch=min(1.0, 6 * bits)))
    return found


def _run(key: str, method: str, seed: int, scale: str, budget_s: float, last: Trace, peak_mib: float) -> Run:
    return Run(
        key=key,
        experiment="first-light",
        scale=scale,
        method=method,
        dataset="wordnet",
        seed=seed,
        status="ok",
        budget_s=budget_s,
        steps=last.step,
        epochs=last.epoch,
        train_s=last.train_s,
        update_s=last.update_s,
        evaluation_s=12.0,
        peak_mib=peak_mib,
        base_mib=640.0,
        parameters=29_000_000,
        table_updates=last.table_updates,
        best_step=last.step,
        best_s=last.train_s,
        validation_p_at_1=last.validation_p_at_1,
        last_p_at_1=last.p_at_1,
        test_points=8000,
        p_at_1=last.p_at_1,
        p_at_3=last.p_at_3,
        p_at_5=last.p_at_5,
        psp_at_1=0.7 * last.p_at_1,
        ndcg_at_5=0.9 * last.p_at_1,
        started="2026-11-22T10:00:00",
        environment=_environment(),
    )


def _environment() -> Environment:
    return Environment("Example CPU 3000", 8, 32.0, 4, "cpu", "3.12.3", "2.9.0", "Linux x86_64", "0123abc", "feedbeef")


def _untrained(method: str, scale: str) -> Run:
    value = UNTRAINED[method]
    return Run(
        f"{method}-0-{scale}",
        "first-light",
        scale,
        method,
        "wordnet",
        0,
        "ok",
        test_points=8000,
        p_at_1=value,
        p_at_3=0.8 * value,
        started="2026-11-22T10:00:00",
        environment=_environment(),
    )


def rows_of(
    scale: str = "quick",
    seeds: Sequence[int] = (0, 1, 2),
    without: Sequence[str] = (),
    failed: Sequence[tuple[str, int]] = (),
    budget_s: float = 60.0,
    reason: str = "loss is not finite",
) -> Rows:
    """Rows of every method but `without`; the (method, seed) pairs in `failed` diverged."""
    runs = [_untrained(method, scale).flat() for method in UNTRAINED if method not in without]
    traces: list[Trace] = []
    for method in PLAUSIBLE:
        for seed in seeds if method not in without else ():
            run, moments = _run_and_traces(method, seed, scale, budget_s)
            bad = (method, seed) in failed
            runs.append(run.flat() | ({"status": "diverged", "reason": reason} if bad else {}))
            traces += moments
    return Rows(
        pd.DataFrame(runs, columns=RUN_COLUMNS),
        pd.DataFrame([asdict(trace) for trace in traces], columns=TRACE_COLUMNS),
    )


@pytest.fixture
def make_rows() -> MakeRows:
    """A maker of made-up rows: `make_rows(scale=…, seeds=…, without=…, failed=…)`."""
    return rows_of


@pytest.fixture
def no_rows() -> Rows:
    """A store in which nothing has been run."""
    return rows_of(without=[*PLAUSIBLE, *UNTRAINED])
