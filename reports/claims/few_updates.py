"""Does the scheduler make table updates cheap?"""

import pandas as pd

from bench.store import Rows
from reports.claims.base import Claim, Finding, above, doubt, not_run
from reports.interval import Interval, interval
from reports.selection import succeeded

METHODS = ["mongoose", "naive_lsh"]


def judge(rows: Rows) -> Finding:
    """Effect: share of the training time spent in table updates, naive LSH's minus MONGOOSE's, seed by seed, in points.

    Holds where the 95 % interval lies above 0.
    """
    runs = succeeded(rows).runs
    runs = runs[runs["method"].isin(METHODS) & (runs["train_s"] > 0)]
    shares = runs.assign(share=100 * runs["update_s"] / runs["train_s"]).pivot_table(
        index="seed", columns="method", values="share"
    )
    shares = shares.reindex(columns=METHODS).dropna()
    if shares.empty:
        return not_run("needs rows of MONGOOSE and of naive LSH with the same seed", "points")
    saved = interval(shares["naive_lsh"] - shares["mongoose"])
    ours = f"{saved.text(' points')}: {_wording(runs, shares)}"
    return Finding(
        above(saved, 0.0), saved.mean, saved.ends(), "points", saved.n, ours, _reason(saved), 2 * len(shares)
    )


def _wording(runs: pd.DataFrame, shares: pd.DataFrame) -> str:
    per_step = (runs["table_updates"] / runs["steps"]).groupby(runs["method"]).mean() * 1000
    parts = [
        f"{name} {shares[method].mean():.1f} % of its time, {per_step[method]:,.0f} updates per 1,000 steps"
        for name, method in _NAMES
    ]
    return "; ".join(parts)


_NAMES = (("MONGOOSE", "mongoose"), ("naive LSH", "naive_lsh"))


def _reason(saved: Interval) -> str:
    size = "less" if saved.mean > 0 else "no less"
    return (
        f"MONGOOSE spends {size} of its time in updates than naive LSH. The paper gives no number; "
        f"whether performance is maintained is judged by the claims on accuracy.{doubt(saved)}"
    )


claim = Claim(
    id="mongoose/few-updates",
    words="the changes do not always require an LSH update to maintain performance",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="no number",
    needs=("mongoose", "naive_lsh"),
    judge=judge,
    experiments=("first-light",),
)
