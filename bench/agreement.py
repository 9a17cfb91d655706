"""Whether two stores hold the same training: losses of the same runs, step by step."""

import pandas as pd

from bench.store import Rows

RUN = ["experiment", "scale", "method", "dataset", "seed"]


def differences(one: Rows, other: Rows) -> pd.DataFrame:
    """For each run that either store holds, the largest relative difference of a loss of its evaluations.

    NaN where a run is in one store alone, has failed, or was not evaluated at the same steps. Methods that need no
    training are left out.
    """
    both = pd.merge(_losses(one), _losses(other), on=[*RUN, "step"], how="outer", suffixes=("", "_other"))
    both["difference"] = (both["loss"] / both["loss_other"] - 1).abs()
    return both.groupby(RUN)["difference"].agg(lambda of: of.max(skipna=False)).reset_index()


def _losses(rows: Rows) -> pd.DataFrame:
    """Of every evaluation: which run, step, loss since the evaluation before; one of NaN where a run has none."""
    traces = rows.traces.loc[rows.traces["event"] == "evaluation", ["key", "step", "loss"]]
    trained = rows.runs[rows.runs["steps"].notna() | (rows.runs["status"] != "ok")]
    return trained[["key", *RUN]].merge(traces, on="key", how="left").drop(columns="key")
