"""Does it matter by what LSH attention sorts positions into buckets?"""

import pandas as pd

from bench.store import Rows
from reports.claims.base import Claim, Finding, above, doubt, not_run
from reports.copying import STUDY, accuracy, at_end, measured
from reports.interval import interval

HASHED, BY_LOT, BEST = "lsh_4", "random_4", "topk_1"


def judge(rows: Rows) -> Finding:
    """Effect: percentage points of accuracy on the copied half, buckets by hashing over buckets by lot, by seed."""
    hashed, by_lot = (_by_seed(rows, form) for form in (HASHED, BY_LOT))
    lead = interval(100 * (hashed - by_lot).dropna())
    if not lead.n:
        return not_run("needs runs with 4 rounds of hashing and with 4 rounds of buckets by lot", "points")
    ours = f"{100 * hashed.mean():.1f} % by hashing, {100 * by_lot.mean():.1f} % by lot"
    best = accuracy(rows, BEST)
    told = (
        f"With as many positions as one round brings, but the best of all: {100 * best.mean:.1f} %." if best.n else ""
    )
    reason = f"{told}{doubt(lead)}".strip()
    return Finding(above(lead, 0.0), lead.mean, lead.ends(), "points", lead.n, ours, reason, len(measured(rows)))


def _by_seed(rows: Rows, form: str) -> pd.Series:
    found = at_end(rows)
    return found[(found["trained"] == form) & (found["evaluated"] == form)].set_index("seed")["accuracy"]


claim = Claim(
    id="mongoose/hashing-matters",
    words="LSH attention with 4 rounds copies more than attention of the same chunks whose buckets are drawn by lot",
    source="our own question: would any buckets do?",
    tag="ours",
    paper="",
    needs=tuple(f"{STUDY}{form}" for form in (HASHED, BY_LOT)),
    judge=judge,
    experiments=("copy-task",),
)
