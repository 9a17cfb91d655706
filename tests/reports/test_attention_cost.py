"""What attention costs, from made-up rows: where lines cross, how memory grows, verdicts each way, table and figure."""

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.attention_cost import crossover, growth, memory_exponent, tables, times
from reports.claims import attention_memory, attention_speed, attention_speed_gpu
from reports.figures.base import discover, render

LENGTHS = (512, 1024, 4096, 32_768)


def make(
    a_position: float = 0.02,
    share: float = 0.4,
    turns: int = 4,
    lengths: Sequence[int] = LENGTHS,
    noise: float = 0.01,
    dtypes: Sequence[str] = ("float32", "bfloat16"),
) -> Rows:
    """Exact attention takes (length / 64)² / 32 ms; LSH of one round `a_position` ms a position, of four twice that.

    share: of exact attention's memory, which is in proportion to the length.
    """
    runs, measures, random = [], [], np.random.default_rng(0)
    for length in lengths:
        run = Run(f"run-{length}", "attention-cost", "quick", f"attention_cost-{length}", "normal_queries", 0, "ok")
        runs.append(replace(run, started="2026-11-25T10:00:00").flat())
        ms = {"sdpa": (length / 64) ** 2 / 32, "lsh_1": a_position * length, "lsh_4": 2 * a_position * length}
        for turn in range(turns):
            for dtype in dtypes:
                for system, step_ms in ms.items():
                    mib = length / 16 * (1 if system == "sdpa" else share)
                    row = {"key": run.key, "system": system, "dtype": dtype, "length": length, "round": turn}
                    factor = np.exp(noise * random.standard_normal(2))
                    cost = {"step_ms": step_ms * factor[0], "peak_mib": mib * factor[1], "fit_ms": 0.0}
                    measures.append(row | cost)
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


def test_ratios_are_of_the_same_turn() -> None:
    """Whatever slows a whole turn down leaves its ratios as they are."""
    rows = make(noise=0.0)
    rows.measures.loc[rows.measures["round"] == 1, "step_ms"] *= 10
    found = times(rows, "step_ms", "lsh_1", "float32", 32_768)
    assert (found.n, found.mean) == (4, pytest.approx(8192 / 655.36))
    assert found.low == pytest.approx(found.high)


@pytest.mark.parametrize(("a_position", "crosses"), [(0.02, 2621.44), (0.002, 512.0), (1.0, nan)])
def test_lines_cross_where_both_take_as_long(a_position: float, crosses: float) -> None:
    found = crossover(make(a_position, noise=0.0), "lsh_1", "float32")
    assert found.n == (0 if crosses != crosses else 4)
    assert found.mean == pytest.approx(crosses, nan_ok=True)


def test_crossover_is_told_in_words() -> None:
    found = {a: growth(make(a, noise=0.0)).set_index(["dtype", "attention"]) for a in (0.02, 0.002, 1.0)}
    told = {a: table.loc[("float32", "LSH, 1 round"), "faster than exact from"] for a, table in found.items()}
    assert told[0.02].startswith("2621 (n = 4")
    assert told[0.002] == "the least length, 512, or before"
    assert told[1.0] == "no length measured"


def test_memory_in_proportion_to_length_has_exponent_1() -> None:
    assert memory_exponent(make(noise=0.0), "sdpa", "float32").mean == pytest.approx(1.0)
    assert memory_exponent(make(lengths=[4096]), "sdpa", "float32").n == 0


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(a_position=0.005), "reproduced"),  # 50 and 25 times
        (make(a_position=0.011), "partly"),  # 23 times with one round, and 11 with four
        (make(a_position=0.02), "not reproduced"),
        (make(a_position=0.005, turns=1), "inconclusive"),
        (make(a_position=0.005, dtypes=["float32"]), "not run"),
        (make(lengths=[512]), "not run"),
    ],
)
def test_the_claim_of_speed_can_come_out_each_way(rows: Rows, verdict: str) -> None:
    assert attention_speed.claim.judge(rows).verdict == verdict


@pytest.mark.parametrize(
    ("share", "turns", "verdict"),
    [(0.4, 4, "reproduced"), (0.8, 4, "not reproduced"), (0.4, 1, "inconclusive")],
)
def test_the_claim_of_memory_can_come_out_each_way(share: float, turns: int, verdict: str) -> None:
    found = attention_memory.claim.judge(make(share=share, turns=turns))
    assert found.verdict == verdict
    assert "exponent 1.0" in found.reason
    assert attention_memory.claim.judge(make(lengths=[512])).verdict == "not run"


def test_lengths_are_whole_beside_rows_of_other_studies() -> None:
    """Tables of several studies are one on disk, where a column that some rows lack holds floats."""
    rows = make()
    rows.measures["length"] = rows.measures["length"].astype(float)
    (_, _, table), _ = tables(rows)
    assert list(table["length"].unique()) == ["512", "1,024", "4,096", "32,768"]


def test_tables_and_figure_show_every_system() -> None:
    (first, second), (figure,) = [table for *_, table in tables(make())], discover("attention-cost")
    assert set(first["attention"]) == {"full attention", "LSH, 1 round", "LSH, 4 rounds"}
    assert (len(first), len(second)) == (24, 6)
    assert set(figure.data(make())["quantity"]) == {"step_ms", "peak_mib"}
    for rows in (make(), make(lengths=[])):
        assert render(figure, rows).startswith(b"\x89PNG")


@pytest.mark.parametrize(("a_position", "verdict"), [(0.02, "reproduced"), (0.15, "partly"), (1.0, "not reproduced")])
def test_the_claim_on_a_gpu_is_to_be_as_fast(a_position: float, verdict: str) -> None:
    assert attention_speed_gpu.claim.judge(make(a_position=a_position)).verdict == verdict
