"""The tables of the report: text ready to be read, "—" where nothing was measured or a method did not get so far."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from bench.store import Rows
from reports.appearance import TRAINED, UNTRAINED, label, ordered
from reports.curves import at, common_range, curves
from reports.selection import CURVES, evaluations, succeeded

NOTHING = "—"
STEP_MARKS = [mark * 10**power for power in range(1, 7) for mark in (1, 3)]
SECOND_MARKS = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600]

Cell = Callable[[pd.DataFrame], str]


def scores(rows: Rows) -> pd.DataFrame:
    """One row a method: what early stopping gave on the whole test part, and what it cost. Scores in percent."""
    good, every = succeeded(rows).runs, rows.runs
    found = {label(method): _score_row(good[good["method"] == method]) for method in _methods(every)}
    return pd.DataFrame.from_dict(found, orient="index", columns=list(CELLS)).rename_axis("method").reset_index()


def precision(rows: Rows) -> pd.DataFrame:
    """The scores alone."""
    every = scores(rows)
    return every.loc[:, :"nDCG@5"]


def cost(rows: Rows) -> pd.DataFrame:
    """What the scores cost: steps, seconds, memory, table updates."""
    every = scores(rows)
    return every[["method", "n", *every.loc[:, "steps":].columns]]


def at_equal_seconds(rows: Rows) -> pd.DataFrame:
    """Test P@1 (%) of each trained method at common seconds of training; the last mark is reached by all."""
    end = min(_reached(rows, "train_s"), default=0.0)
    covered = [float(mark) for mark in SECOND_MARKS if mark < 0.9 * end and _covered(rows, "train_s", mark)]
    marks = covered[-4:] + ([end] if end else [])
    return _at(rows, "train_s", marks, [f"{mark:.0f} s" if mark < end else f"end ({mark:.0f} s)" for mark in marks])


def at_equal_steps(rows: Rows) -> pd.DataFrame:
    """Test P@1 (%) of each trained method at common numbers of steps."""
    marks = [mark for mark in STEP_MARKS if _covered(rows, "step", mark)]
    return _at(rows, "step", [float(mark) for mark in marks], [f"{mark:,} steps" for mark in marks])


def environments(rows: Rows) -> pd.DataFrame:
    """Each machine and code that ran something, with its number of runs."""
    columns = [column for column in rows.runs.columns.astype(str) if column.startswith("env_")]
    found = rows.runs.groupby(columns, dropna=False, sort=True).size().rename("runs").reset_index()
    return found.rename(
        columns=lambda column: str(column).removeprefix("env_").replace("memory_gib", "memory (GiB)")
    ).astype(str)


def failures(rows: Rows) -> pd.DataFrame:
    """Every run that did not end well, with its reason."""
    failed = rows.runs[rows.runs["status"] != "ok"]
    return (
        failed[["experiment", "scale", "method", "seed", "status", "reason"]]
        .fillna("")
        .astype(str)
        .reset_index(drop=True)
    )


def mean_sd(values: pd.Series, digits: int = 2) -> str:
    """Mean ± sd as text; no sd from a single value."""
    values = values.dropna()
    if values.empty:
        return NOTHING
    mean = f"{values.mean():,.{digits}f}"
    return f"{mean} ± {values.std():,.{digits}f}" if len(values) > 1 else mean


def _percent(column: str) -> Cell:
    return lambda runs: mean_sd(100 * runs[column])


def _cost(column: str, digits: int = 0) -> Cell:
    return lambda runs: mean_sd(runs[column][runs["steps"] > 0], digits)


def _step_ms(runs: pd.DataFrame) -> str:
    runs = runs[runs["steps"] > 0]
    return mean_sd(1000 * runs["train_s"] / runs["steps"], 1)


def _update_share(runs: pd.DataFrame) -> str:
    runs = runs[(runs["train_s"] > 0) & (runs["table_updates"] > 0)]
    return mean_sd(100 * runs["update_s"] / runs["train_s"], 1)


CELLS: dict[str, Cell] = {
    "n": lambda runs: str(len(runs)),
    "P@1": _percent("p_at_1"),
    "P@3": _percent("p_at_3"),
    "P@5": _percent("p_at_5"),
    "PSP@1": _percent("psp_at_1"),
    "nDCG@5": _percent("ndcg_at_5"),
    "steps": _cost("steps"),
    "best at (s)": _cost("best_s"),
    "trained (s)": _cost("train_s"),
    "ms/step": _step_ms,
    "peak MiB": _cost("peak_mib"),
    "table updates": lambda runs: mean_sd(runs["table_updates"][runs["table_updates"] > 0], 0),
    "in updates (%)": _update_share,
}


def _score_row(runs: pd.DataFrame) -> list[str]:
    return [cell(runs) for cell in CELLS.values()]


def _methods(runs: pd.DataFrame) -> list[str]:
    """The usual methods, run or not, so that a missing one is seen, and whatever was run; none where nothing was."""
    usual = [*TRAINED, *UNTRAINED] if runs["experiment"].isin(CURVES).any() else []
    return ordered([*usual, *runs["method"]])


def _trained(rows: Rows) -> list[str]:
    return [method for method in _methods(rows.runs) if method not in UNTRAINED]


def _reached(rows: Rows, x: str) -> list[float]:
    traces = evaluations(rows)
    ends = [common_range(curves(traces, method, x, "p_at_1"))[1] for method in _trained(rows)]
    return [end for end in ends if np.isfinite(end)]


def _covered(rows: Rows, x: str, mark: float) -> bool:
    """Whether all seeds of some method were evaluated on both sides of a mark."""
    traces = evaluations(rows)
    ranges = [common_range(curves(traces, method, x, "p_at_1")) for method in _trained(rows)]
    return any(low <= mark <= high for low, high in ranges)


def _at(rows: Rows, x: str, marks: list[float], names: list[str]) -> pd.DataFrame:
    traces, found = evaluations(rows), {}
    for method in _trained(rows):
        by_seed = curves(traces, method, x, "p_at_1")
        low, high = common_range(by_seed)
        cells = [mean_sd(100 * at(by_seed, mark)) if low <= mark <= high else NOTHING for mark in marks]
        found[label(method)] = [str(len(by_seed)), *cells]
    return pd.DataFrame.from_dict(found, orient="index", columns=["n", *names]).rename_axis("method").reset_index()
