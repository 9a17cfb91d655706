"""How upkeep grows with the number of rows: exponents over seeds, from what the study of growth measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.store import Rows
from reports.interval import Interval, interval
from reports.selection import succeeded

WALKS = {"all": "all rows move", "sparse": "1,000 rows move"}
COSTS = {"upkeep": "re-hashed + scanned", "cost": "with comparisons"}


def costs(rows: Rows) -> pd.DataFrame:
    """A row a policy, walk, size and seed: what the study measured, a step."""
    runs = succeeded(rows).runs[["key", "seed", "method"]]
    found = rows.measures.merge(runs, on="key") if "policy" in rows.measures else pd.DataFrame(columns=COLUMNS)
    walk = found["method"].str.extract(r"-(all|sparse)_", expand=False)
    return found.assign(walk=walk)


COLUMNS = ["key", "seed", "method", "policy", "n", *COSTS, "rehashed", "scanned", "compared"]


def exponents(rows: Rows, what: str) -> dict[tuple[str, str], Interval]:
    """By walk and policy, how the cost `what` grows: of seeds that have every size."""
    found = {}
    for (walk, policy), of in costs(rows).groupby(["walk", "policy"]):
        by_seed = of.pivot_table(index="seed", columns="n", values=what).dropna()
        if by_seed.shape[1] > 1 and len(by_seed) and bool((by_seed > 0).all(axis=None)):
            found[str(walk), str(policy)] = exponent([int(n) for n in by_seed.columns], by_seed.to_numpy().tolist())
    return found


def exponent(ns: Sequence[int], costs_by_seed: Sequence[Sequence[float]]) -> Interval:
    """The slope of log cost over log n, mean over seeds, with its 95 % interval.

    Args:
        costs_by_seed: for each seed, a cost for each of `ns`.

    Raises:
        ValueError: fewer than two sizes, a cost that is not positive, or seeds with another number of costs.
    """
    costs = np.array([list(costs) for costs in costs_by_seed], dtype=float)
    if len(set(ns)) < 2 or costs.shape != (len(costs), len(ns)) or not (costs > 0).all():
        raise ValueError(f"costs {costs.tolist()} at {list(ns)}; accepted: two sizes or more, a cost > 0 at each.")
    return interval(np.polyfit(np.log(ns), np.log(costs).T, 1)[0])


def table(rows: Rows) -> pd.DataFrame:
    """Exponents, and the cost at the largest size, as text."""
    found = costs(rows)
    found = found[found["n"] == found.groupby(["walk", "policy"])["n"].transform("max")]
    largest = found.groupby(["walk", "policy"]).mean(numeric_only=True).to_dict("index")
    by_cost = {what: exponents(rows, what) for what in COSTS}
    return pd.DataFrame(
        [
            {"walk": WALKS[walk], "policy": policy}
            | {f"exponent, {words}": by_cost[what][walk, policy].text() for what, words in COSTS.items()}
            | {"largest n": f"{at['n']:,.0f}"}
            | {f"{name} there": f"{at[name]:,.1f}" for name in ("rehashed", "scanned", "compared")}
            for (walk, policy) in by_cost["upkeep"]
            for at in [largest[walk, policy]]
        ]
    )


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = (
        "Rows a step, 95 % interval over seeds. Random walks of n rows in 16 dimensions with Σ‖drift‖² = 0.01 and "
        "Σ Var² = 0.0001; ε is a tenth of the mean norm. Comparisons are one subtraction and norm a row."
    )
    return [("How upkeep grows with the number of rows", caption, table(rows))]
