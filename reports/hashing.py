"""What hash families find among the rows of a network in training: recall at equal budgets, over seeds."""

import pandas as pd

from bench.store import Rows
from reports.interval import Interval, ratio_interval
from reports.selection import succeeded
from reports.tables import NOTHING, mean_sd

RANDOM = "simhash"  # centred, as all here but the raw one
AXES = {"candidates": "candidates a query", "microseconds": "µs a query"}


def recalls(rows: Rows) -> pd.DataFrame:
    """A row a family, mark, budget and seed, as the study measured them."""
    runs = succeeded(rows).runs[["key", "seed"]]
    if "family" not in rows.measures:
        return pd.DataFrame(columns=["seed", *COLUMNS])
    return rows.measures.merge(runs, on="key")[["seed", *COLUMNS]]


COLUMNS = [
    "family",
    "step",
    "axis",
    "budget",
    "recall_at_10",
    "recall_at_100",
    "recall_at_10_rare",
    "candidates",
    "microseconds",
    "training_share",
]


def gain(rows: Rows, family: str, axis: str, budget: int) -> Interval:
    """How many times the recall@10 of random SimHash a family has, at the last mark: geometric mean over seeds.

    Nothing (n = 0), if in some seed one of them has no such operating point, or finds nothing there.
    """
    found = recalls(rows)
    found = found[(found["axis"] == axis) & (found["budget"] == budget) & (found["step"] == found["step"].max())]
    by_seed = found.pivot_table(index="seed", columns="family", values="recall_at_10")
    if not {family, RANDOM} <= set(by_seed.columns):
        return ratio_interval([])
    both = by_seed[[family, RANDOM]]
    complete = len(both) == recalls(rows)["seed"].nunique() and bool((both > 0).all(axis=None))
    return ratio_interval(both[family] / both[RANDOM] if complete else [])


def table(rows: Rows, axis: str) -> pd.DataFrame:
    """Recall in percent at each budget of one kind, at the last mark, and what training the functions costs."""
    found = recalls(rows)
    last = found[(found["step"] == found["step"].max()) & (found["axis"] == axis)]
    return pd.DataFrame(
        [_row(family, of, axis) for family, of in last.groupby("family", sort=False)],
    )


def _row(family: object, of: pd.DataFrame, axis: str) -> dict[str, object]:
    found = {
        f"recall@{k}, {budget} {AXES[axis]}": mean_sd(100 * at[f"recall_at_{k}"], 1)
        for k in (10, 100)
        for budget, at in of.groupby("budget")
    }
    share = of["training_share"].dropna()
    cost = mean_sd(100 * share, 1) if len(share) else NOTHING
    return {"family": family, "n": of["seed"].nunique(), **found, "training, % of the steps' time": cost}


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = (
        "Percent of the exact largest scores among the candidates, on rows at the last mark, of queries that nothing "
        "was fitted on; mean ± sd over n seeds; — where a family has no such operating point."
    )
    return [(f"Recall at equal {words}", caption, table(rows, axis)) for axis, words in AXES.items()]
