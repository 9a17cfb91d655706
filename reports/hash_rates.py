"""How fast codes change by what drives them: the learning rate, and the number of steps that an epoch has."""

import json

import pandas as pd

from bench.store import Rows
from reports.interval import interval
from reports.selection import epochs, evaluations, succeeded
from reports.tables import NOTHING

CHANGES = ["bits_changed_step", "codes_changed_step", "bits_changed_epoch", "codes_changed_epoch"]
AFTER = 2  # epochs that do not count: weights move fast at first


def changes(rows: Rows) -> pd.DataFrame:
    """A row a run: its learning rate, batch and steps an epoch; percent changed, means over what came after epoch 2.

    Where no epoch after the second was completed, over all there are.
    """
    runs = succeeded(rows).runs
    asked = runs["config"].map(json.loads)
    frame = pd.DataFrame(
        {
            "key": runs["key"],
            "lr": [config["params"]["lr"] for config in asked],
            "batch": [config["batch_size"] for config in asked],
            "steps an epoch": (runs["steps"] / runs["epochs"]).round(),
        }
    )
    found = pd.concat([_means(evaluations(rows), CHANGES[:2]), _means(epochs(rows), CHANGES[2:])], axis=1)
    return frame.merge(100 * found, left_on="key", right_index=True).drop(columns="key")


def _means(traces: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    late = traces[traces["epoch"] > AFTER]
    kept = late if set(late["key"]) == set(traces["key"]) else traces
    return kept.groupby("key")[columns].mean()


def table(rows: Rows) -> pd.DataFrame:
    """The same over seeds, with 95 % intervals, as text."""
    found = changes(rows)
    names = ["bits a step (%)", "codes a step (%)", "bits an epoch (%)", "codes an epoch (%)"]
    return pd.DataFrame(
        [
            {"lr": f"{lr:g}", "batch": str(batch), "steps an epoch": f"{of['steps an epoch'].mean():,.0f}"}
            | {name: _text(of[column]) for name, column in zip(names, CHANGES, strict=True)}
            for (lr, batch), of in found.groupby(["lr", "batch"])
        ]
    )


def _text(values: pd.Series) -> str:
    return interval(values.dropna()).text() if values.notna().any() else NOTHING


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = "SimHash of all output rows, K = 9, L = 10, never refitted; whole codes of 9 bits, and single bits."
    return [("Change of hash codes", caption, table(rows))]
