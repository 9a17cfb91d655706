"""What each update policy costs and what its tables still find."""

import pandas as pd

from bench.store import Rows
from reports.interval import Interval, interval
from reports.selection import evaluations, succeeded
from reports.tables import mean_sd

PREFIX = "lsh_policy-"
NAMES = {
    "always": "always (naive LSH)",
    "touched": "what was touched",
    "oracle": "oracle",
    "two_copy": "Algorithm 1",
    "drift": "code drift 2 %",
    "margin": "margin",
    "every_50": "every 50 steps",
    "every_500": "every 500 steps",
    "exponential": "exponential (SLIDE)",
    "released_slide": "as released for SLIDE: drift 30 %",
    "released_reformer": "as released for Reformer: packed integers",
    "never": "never",
}


def by_run(rows: Rows) -> pd.DataFrame:
    """A row a run: its policy and seed, and, from its last evaluation on, what updating cost and what it kept.

    hashed, moved: rows re-hashed and rows whose code had changed a step, as shares of what updating always re-hashed.
    aside: rows that every query scans beside the tables, mean over evaluations.
    kept: recall of both over that of tables built anew, mean over evaluations. updates, update_s: a thousand
    steps.
    """
    runs, traces = succeeded(rows).runs, evaluations(rows)
    last = traces.sort_values("step").drop_duplicates("key", keep="last").set_index("key")
    kept = traces.groupby("key")[["candidate_recall", "fresh_recall", "rows_aside"]].mean()
    frame = runs.set_index("key")[["method", "seed", "p_at_1"]]
    always = last["step"] * _naive(last)
    return frame.assign(
        policy=frame["method"].str.removeprefix(PREFIX),
        hashed=last["rows_hashed"] / always,
        moved=last["rows_updated"] / always,
        kept=kept["candidate_recall"] / kept["fresh_recall"],
        aside=kept["rows_aside"],
        updates=1000 * last["table_updates"] / last["step"],
        update_s=1000 * last["update_s"] / last["step"],
    )


def _naive(last: pd.DataFrame) -> float:
    """Rows that updating always re-hashed a step; NaN where it was not run."""
    always = last[last["method"] == f"{PREFIX}always"]
    return float((always["rows_hashed"] / always["step"]).mean())


def measured(rows: Rows, policy: str, what: str) -> Interval:
    """Mean of a column of `by_run` over seeds, with its interval."""
    found = by_run(rows)
    return interval(found.loc[found["policy"] == policy, what].dropna())


def table(rows: Rows) -> pd.DataFrame:
    """The same over seeds, as text."""
    found = by_run(rows)
    return pd.DataFrame(
        [
            {
                "policy": name,
                "n": len(of),
                "updates per 1,000 steps": mean_sd(of["updates"], 1),
                "rows re-hashed (% of naive)": mean_sd(100 * of["hashed"], 3),
                "rows whose code changed (%)": mean_sd(100 * of["moved"], 3),
                "rows scanned aside a query": mean_sd(of["aside"], 0),
                "recall kept (%)": mean_sd(100 * of["kept"], 1),
                "s in updates per 1,000 steps": mean_sd(of["update_s"], 1),
                "test P@1 (%)": mean_sd(100 * of["p_at_1"]),
            }
            for policy, name in NAMES.items()
            for of in [found[found["policy"] == policy]]
            if len(of)
        ]
    )


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = (
        "Mean ± sd over n seeds. Recall kept: of the exact ten best, what the tables find over what tables built at "
        "that moment would find, mean over evaluations. Seconds are of one thread; runs side "
        "by side (--jobs) slow one another."
    )
    return [("What each policy costs and keeps", caption, table(rows))]
