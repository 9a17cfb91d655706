"""Fronts of precision for time and memory, from made-up runs."""

from dataclasses import replace

import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.figures.base import discover, render
from reports.fronts import by_method, front, table

KNOWN = {  # P@1, seconds, peak MiB
    "dense": (0.10, 60.0, 1000.0),
    "sampled_uniform": (0.24, 50.0, 400.0),
    "mongoose": (0.25, 40.0, 500.0),
    "in_batch": (0.05, 10.0, 300.0),
}


def make() -> Rows:
    blank = Run("", "fronts", "paper", "", "wordnet", 0, "ok", base_mib=100.0, steps=10)
    runs = [
        replace(blank, key=f"{name}-{seed}", method=name, seed=seed, p_at_1=p + 0.001 * seed, best_s=s, peak_mib=mib)
        for name, (p, s, mib) in KNOWN.items()
        for seed in (-1, 0, 1)
    ]
    failed = replace(runs[0], key="failed", method="faiss_ivf", status="error")
    return Rows(
        pd.DataFrame([run.flat() for run in [*runs, failed]], columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS)
    )


def test_fronts_hold_what_nothing_beats() -> None:
    found = by_method(make()).set_index("method")
    assert found.loc[found["on_time_front"]].index.tolist() == ["mongoose", "in_batch"]
    assert found.loc[found["on_memory_front"]].index.tolist() == ["sampled_uniform", "mongoose", "in_batch"]
    assert found.loc["dense", ["percent", "sd", "seconds", "mib"]].tolist() == pytest.approx([10.0, 0.1, 60.0, 900.0])


def test_of_two_that_are_alike_both_are_on_the_front() -> None:
    assert front(pd.Series([1.0, 1.0, 1.0]), pd.Series([2.0, 2.0, 3.0])).tolist() == [True, True, False]


def test_the_table_and_the_figure_show_every_method_that_ended() -> None:
    assert table(make())["front"].tolist() == ["time memory", "memory", "", "time memory"]
    (figure,) = discover("fronts")
    assert len(figure.data(make())) == 4
    assert render(figure, make()).startswith(b"\x89PNG")
    assert render(figure, make().of(make().runs.iloc[:0])).startswith(b"\x89PNG")
