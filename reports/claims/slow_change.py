"""Do only few hash codes change in an epoch?"""

import pandas as pd

from bench.store import Rows
from reports.claims.base import Claim, Finding, doubt, not_run, within
from reports.interval import Interval, interval
from reports.selection import epochs

LOW, HIGH = 1.0, 5.0
AFTER = 2


def judge(rows: Rows) -> Finding:
    """Effect: whole codes changed per epoch, averaged over the epochs after the second, one mean a seed, in percent.

    Holds where the 95 % interval lies within 1 to 5.
    """
    late = epochs(rows)
    late = late[(late["method"] == "mongoose") & (late["epoch"] > AFTER)]
    codes, bits = _by_seed(late, "codes_changed_epoch"), _by_seed(late, "bits_changed_epoch")
    if not codes.n:
        return not_run(f"no run of MONGOOSE completed an epoch after epoch {AFTER}", "%")
    ours = f"whole codes {codes.text(' %')}; single bits {bits.text(' %')}"
    return Finding(
        within(codes, LOW, HIGH),
        codes.mean,
        codes.ends(),
        "% of codes per epoch",
        codes.n,
        ours,
        _reason(codes, bits),
        len(late),
    )


def _by_seed(late: pd.DataFrame, column: str) -> Interval:
    return interval(100 * late.groupby("seed")[column].mean().dropna())


def _reason(codes: Interval, bits: Interval) -> str:
    sides = f"Judged on whole codes, which lie {_side(codes)}; single bits lie {_side(bits)}."
    return (
        sides
        + " The claim does not say which it counts, nor the code length or learning rate, on which both depend."
        + doubt(codes)
    )


def _side(found: Interval) -> str:
    if found.mean < LOW:
        return "below the 1–5 % band (slower than claimed)"
    return "above the 1–5 % band (faster than claimed)" if found.mean > HIGH else "in the 1–5 % band on average"


claim = Claim(
    id="mongoose/slow-change",
    words="only 1–5 % of hash codes change per epoch on average",
    source="LightOn, summary of AI meetup #13 on MONGOOSE",
    tag="secondary",
    paper="1–5 %",
    needs=("mongoose",),
    judge=judge,
)
