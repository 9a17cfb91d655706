"""Which rows belong together: one setting (experiment, data set, scale), one run a method and seed."""

import json
from dataclasses import dataclass

import pandas as pd

from bench.store import Rows
from reports.costs import clocked

SETTING = ["experiment", "dataset", "scale"]
METHOD = [*SETTING, "method"]
IDENTITY = [*METHOD, "seed"]
CURVES = ("first-light", "debian")  # experiments that train methods for equal seconds
VERSION = ["env_code", "env_backend", "budget_s"]


@dataclass(frozen=True, order=True)
class Setting:
    """What must be equal for runs to be compared."""

    experiment: str
    dataset: str
    scale: str

    def __str__(self) -> str:
        return f"{self.experiment} on {self.dataset}, scale {self.scale}"


def settings(rows: Rows) -> list[tuple[Setting, Rows]]:
    """The rows of each setting, in a stable order, the seconds of runs that counted steps told by `costs.clocked`."""
    found = rows.runs[SETTING].drop_duplicates()
    keys = sorted(Setting(*map(str, values)) for values in found.itertuples(index=False))
    parts = (rows.where(experiment=key.experiment, dataset=key.dataset, scale=key.scale) for key in keys)
    return [(key, clocked(part)) for key, part in zip(keys, parts, strict=True)]


def current(rows: Rows) -> Rows:
    """One run for each setting, method and seed: the newest that succeeded, or else the newest that failed.

    A store keeps runs of older code, budgets and data beside new ones. A setting's runs are those on one content of its
    data set only, that of its newest success: methods are never compared across contents. A method's runs are those of
    one version only, likewise: a mean over seeds never mixes versions.
    """
    runs = rows.runs.assign(succeeded=rows.runs["status"] == "ok", data=rows.runs["config"].map(_data))
    runs["budget_s"] = runs["budget_s"].round(6)  # of an export fewer digits are left
    runs = runs.sort_values(["succeeded", "started", "key"])
    runs = runs.merge(runs.drop_duplicates(SETTING, keep="last")[[*SETTING, "data"]], on=[*SETTING, "data"])
    newest = runs.drop_duplicates(METHOD, keep="last")[[*METHOD, *VERSION]]
    runs = runs.merge(newest, on=[*METHOD, *VERSION]).drop_duplicates(IDENTITY, keep="last")
    return rows.of(runs.drop(columns=["succeeded", "data"]).sort_values([*IDENTITY, "key"]))


def _data(config: str) -> str:
    """What told the content of a run's data set apart, as text; empty in rows from before that was noted."""
    return json.dumps(json.loads(config).get("data", ""), sort_keys=True)


def succeeded(rows: Rows) -> Rows:
    """The runs that ended well, with what belongs to them."""
    return rows.of(rows.runs[rows.runs["status"] == "ok"])


def studied(rows: Rows, columns: list[str]) -> pd.DataFrame:
    """These columns of what studies measured in runs that ended well; none where one is lacking: others share some.

    Args:
        columns: of the measures; `seed` is that of the run.
    """
    if not {*columns} - {"seed"} <= {*rows.measures}:
        return pd.DataFrame(columns=columns)
    return rows.measures.merge(succeeded(rows).runs[["key", "seed"]], on="key")[columns]


def evaluations(rows: Rows) -> pd.DataFrame:
    """The evaluation events of the runs that ended well."""
    traces = succeeded(rows).traces
    return traces[traces["event"] == "evaluation"]


def epochs(rows: Rows) -> pd.DataFrame:
    """The epoch events of the runs that ended well; `epoch` is whole (the event is the first step past its end)."""
    traces = succeeded(rows).traces
    ends = traces[traces["event"] == "epoch"]
    return ends.assign(epoch=ends["epoch"] // 1)
