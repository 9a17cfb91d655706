"""What a step of attention costs, exact and hashed, by length: from turns that one process took one after another."""

import numpy as np
import pandas as pd

from bench.store import Rows
from reports.appearance import FORMS
from reports.interval import Interval, interval, ratio_interval
from reports.selection import studied
from reports.tables import NOTHING

EXACT = "sdpa"
LOOKS = {EXACT: FORMS["full"]} | {form: FORMS[form] for form in ("local", "lsh_1", "lsh_4", "mongoose_1")}
COLUMNS = ["key", "seed", "system", "dtype", "length", "round", "step_ms", "peak_mib", "fit_ms"]
TURN = ["seed", "dtype", "length", "round"]
LONG = 2048  # memory grows as it does in the end from here on


def measured(rows: Rows) -> pd.DataFrame:
    """A row a system, dtype, length and turn."""
    found = studied(rows, COLUMNS)
    return found.dropna(subset=["system"]).astype({"length": int, "round": int})  # beside others', they are not whole


def against_exact(rows: Rows, what: str) -> pd.DataFrame:
    """Exact attention's `what` over that of every other system, in the same turn: column `ratio`."""
    found = measured(rows)
    exact = found[found["system"] == EXACT].set_index(TURN)[what].rename("exact")
    others = found[found["system"] != EXACT].join(exact, on=TURN)
    return others.assign(ratio=(others["exact"] / others[what]).astype(float))


def times(rows: Rows, what: str, system: str, dtype: str, length: int) -> Interval:
    """How many times exact attention's `what` is that of a system: geometric mean over turns."""
    found = against_exact(rows, what)
    at = (found["system"] == system) & (found["dtype"] == dtype) & (found["length"] == length)
    return ratio_interval(found.loc[at, "ratio"])


def crossover(rows: Rows, system: str, dtype: str) -> Interval:
    """The length from which on a system is faster than exact attention: geometric mean over turns.

    A turn in which it always is gives the least length that was measured; one in which it never is gives none.
    """
    found = against_exact(rows, "step_ms")
    found = found[(found["system"] == system) & (found["dtype"] == dtype)]
    turns = [_crossing(of.sort_values("length")) for _, of in found.groupby(["seed", "round"])]
    return ratio_interval(length for length in turns if length is not None)


def _crossing(of: pd.DataFrame) -> float | None:
    """Where log ratio over log length last leaves the negative side, on straight lines between what was measured."""
    lengths, ratios = np.log(of["length"].to_numpy(float)), np.log(of["ratio"].to_numpy(float))
    slower = np.flatnonzero(ratios <= 0)
    if not len(slower):
        return float(np.exp(lengths[0]))
    last = int(slower[-1])
    if last + 1 == len(lengths):
        return None
    part = ratios[last] / (ratios[last] - ratios[last + 1])
    return float(np.exp(lengths[last] + part * (lengths[last + 1] - lengths[last])))


def memory_exponent(rows: Rows, system: str, dtype: str) -> Interval:
    """The slope of log memory over log length, from 2,048 on: mean over turns."""
    found = measured(rows)
    found = found[(found["system"] == system) & (found["dtype"] == dtype) & (found["length"] >= LONG)]
    turns = [of for _, of in found.groupby(["seed", "round"]) if of["length"].nunique() > 1]
    return interval(np.polyfit(np.log(of["length"].astype(float)), np.log(of["peak_mib"]), 1)[0] for of in turns)


def by_length(rows: Rows) -> pd.DataFrame:
    """Milliseconds, how many times faster than exact attention, memory and its share, as text."""
    found = measured(rows).sort_values(["dtype", "length"], ascending=[False, True], kind="stable")
    cases = found[["dtype", "length", "system"]].drop_duplicates().itertuples(index=False, name=None)
    return pd.DataFrame([_row(rows, found, *case) for case in cases])


def _row(rows: Rows, found: pd.DataFrame, dtype: str, length: int, system: str) -> dict[str, str]:
    of = found[(found["dtype"] == dtype) & (found["length"] == length) & (found["system"] == system)]
    step_ms, peak_mib, fit_ms = (float(of[name].median()) for name in ("step_ms", "peak_mib", "fit_ms"))
    return {
        "dtype": dtype,
        "length": f"{length:,}",
        "attention": LOOKS[system].label,
        "turns": str(len(of)),
        "ms": f"{step_ms:,.2f}",
        "a fit, ms": f"{fit_ms:,.2f}" if fit_ms else NOTHING,
        "times faster than exact": _times(rows, "step_ms", system, dtype, length),
        "MiB": f"{peak_mib:,.1f}",
        "times less memory": _times(rows, "peak_mib", system, dtype, length),
    }


def _times(rows: Rows, what: str, system: str, dtype: str, length: int) -> str:
    if system == EXACT:
        return NOTHING
    found = times(rows, what, system, dtype, length)
    return f"{found.mean:.2f} ({found.low:.2f} to {found.high:.2f})" if found.n > 1 else f"{found.mean:.2f}"


def growth(rows: Rows) -> pd.DataFrame:
    """Of each system the length from which on it is faster than exact attention, and how its memory grows, as text."""
    found = measured(rows)
    pairs = found[["dtype", "system"]].drop_duplicates().itertuples(index=False)
    return pd.DataFrame(
        [
            {
                "dtype": dtype,
                "attention": LOOKS[system].label,
                "faster than exact from": NOTHING if system == EXACT else _from(rows, system, dtype),
                "exponent of memory": memory_exponent(rows, system, dtype).text(),
            }
            for dtype, system in pairs
        ]
    )


def _from(rows: Rows, system: str, dtype: str) -> str:
    found, least = crossover(rows, system, dtype), measured(rows)["length"].min()
    if not found.n:
        return "no length measured"
    return found.text(digits=0) if found.mean > least else f"the least length, {least:,}, or before"


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    clock = "Forward and backward pass, from queries and values to their gradients: hashing and sorting too"
    turns = "all systems by turns in one process; medians over turns, ratios within a turn, 95 % interval over turns"
    memory = "MiB are what a step held at most above its inputs"
    grows = "From which length on: straight lines in logarithms. The exponent of memory is over lengths from 2,048 on."
    return [
        ("A step of attention by length", f"{clock}; {turns}. {memory}.", by_length(rows)),
        ("Crossover and growth", grows, growth(rows)),
    ]
