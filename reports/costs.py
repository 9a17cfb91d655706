"""Seconds of runs that counted steps: steps and table updates times what one of each cost, measured in turn.

Runs of one experiment and data set may then be made one beside another, on a busy machine: what they learn depends on
their steps alone, and what steps cost is measured by itself, all systems by turns in one process (`step_cost`).
"""

import json

import pandas as pd

from bench.store import Rows

MILLISECONDS = ["step_ms", "asked_ms", "update_ms"]


def costs(rows: Rows) -> pd.DataFrame:
    """By system: median over rounds, in milliseconds, of a step, of asking for updates, and of one update of all."""
    if not {"system", *MILLISECONDS} <= set(rows.measures):
        return pd.DataFrame(columns=MILLISECONDS).rename_axis("system")
    return rows.measures.groupby("system")[MILLISECONDS].median()


def _timed(rows: Rows) -> pd.Series:
    """`train_s` of traces, NaN in runs that counted steps: other runs were beside them on the machine."""
    counted = rows.runs["config"].map(lambda config: json.loads(config).get("steps") is not None).astype(bool)
    return rows.traces["train_s"].mask(rows.traces["key"].isin(rows.runs.loc[counted, "key"]))


def clocked(rows: Rows) -> Rows:
    """The rows with `train_s` and `update_s` of traces set from `costs`.

    The first build of the tables counts as one update. Where no costs were measured, runs that counted steps have no
    seconds, and the others keep theirs.
    """
    found = costs(rows)
    if found.empty:
        return Rows(rows.runs, rows.traces.assign(train_s=_timed(rows)), rows.measures)
    ms = found.reindex(rows.traces["method"]).set_axis(rows.traces.index)
    update = (rows.traces["step"] * ms["asked_ms"] + rows.traces["table_updates"] * ms["update_ms"]) / 1000
    seconds = rows.traces["step"] * ms["step_ms"] / 1000 + update
    return Rows(rows.runs, rows.traces.assign(train_s=seconds, update_s=update), rows.measures)
