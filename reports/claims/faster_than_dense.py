"""Does MONGOOSE reach the dense softmax's precision sooner?"""

from math import nan

import pandas as pd

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, at_least, doubt, not_run
from reports.curves import curves, first_reaching
from reports.interval import Interval, interval, ratio_interval
from reports.paper_values import paper_value
from reports.selection import evaluations

CLAIMED = paper_value("speed-up")
CAVEAT = (
    "The abstract names no data set and no hardware; a secondary source gives 6.5× for Amazon-670K. "
    "The level is what dense reached within its budget, which need not be where it would converge."
)


def judge(rows: Rows) -> Finding:
    """Effect: dense's seconds to its own final test P@1, over MONGOOSE's seconds to the same P@1, seed by seed.

    Holds where the 95 % interval of the geometric mean lies at or above 6.5. A seed that never gets there contradicts
    it; one that is there at its first evaluation gives only a lower bound, which cannot contradict it.
    """
    traces = evaluations(rows)
    times = _times(traces)
    if times.empty:
        return not_run("needs rows of MONGOOSE and of dense softmax with the same seed", "×")
    reached = times.dropna()
    found = ratio_interval(reached["dense"] / reached["mongoose"]) if len(reached) else interval([])
    ends = found.ends() if len(reached) == len(times) else (nan, nan)
    used = int(traces["method"].isin(["dense", "mongoose"]).sum())
    return Finding(
        _verdict(times, found),
        found.mean,
        ends,
        "×",
        len(times),
        _wording(times, reached, found),
        _reason(times, found),
        used,
    )


def _times(traces: pd.DataFrame) -> pd.DataFrame:
    """By seed: dense's final P@1, seconds to it (NaN: never), whether MONGOOSE's first evaluation had it."""
    dense, mongoose = (curves(traces, method, "train_s", "p_at_1") for method in ("dense", "mongoose"))
    found = {}
    for seed in sorted(set(dense) & set(mongoose)):
        level = float(dense[seed][1][-1])
        seconds = first_reaching(*dense[seed], level), first_reaching(*mongoose[seed], level)
        found[seed] = (level, *seconds, bool(mongoose[seed][1][0] >= level))
    return pd.DataFrame.from_dict(found, orient="index", columns=["level", "dense", "mongoose", "at_once"])


def _verdict(times: pd.DataFrame, found: Interval) -> Verdict:
    if len(times) < 2:
        return "inconclusive"
    if found.n < len(times):
        return "not reproduced"
    verdict = at_least(found, CLAIMED)
    return "inconclusive" if verdict == "not reproduced" and times["at_once"].any() else verdict


def _wording(times: pd.DataFrame, reached: pd.DataFrame, found: Interval) -> str:
    if reached.empty:
        return (
            f"dense's {100 * times['level'].mean():.2f} % was not reached by MONGOOSE in its budget (n = {len(times)})"
        )
    seconds = f"after {reached['mongoose'].mean():.1f} s, dense after {reached['dense'].mean():.1f} s"
    bound = "at least " if times["at_once"].any() else ""
    return f"{bound}{found.text('×')}: {100 * reached['level'].mean():.2f} % P@1 {seconds}"


def _reason(times: pd.DataFrame, found: Interval) -> str:
    lost, at_once = len(times) - found.n, int(times["at_once"].sum())
    if lost:
        return f"MONGOOSE did not reach dense's final P@1 within its budget in {lost} of {len(times)} seeds. {CAVEAT}"
    side = "faster than dense" if found.mean > 1 else "not faster than dense"
    size = "by at least the claimed 6.5×" if found.mean >= CLAIMED else "against the claimed 6.5×"
    bound = (
        f" In {at_once} of {len(times)} seeds it was there at its first evaluation: a lower bound." if at_once else ""
    )
    return f"On average {side}, {size}.{bound} {CAVEAT}{doubt(found)}"


claim = Claim(
    id="mongoose/faster-than-dense",
    words="6.5× speed-up",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="6.5×",
    needs=("mongoose", "dense"),
    judge=judge,
)
