"""Do learned hash functions find more than random ones, at a low cost?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, doubt, not_run
from reports.hashing import gain, recalls

LEARNED = "contrastive"  # what `mongoose` learns
BUDGET = ("candidates", 512)
GAIN, COST = 1.5, 0.10  # our own bars; the paper gives no number


def judge(rows: Rows) -> Finding:
    """Effect: recall@10 of learned hash functions over that of random SimHash, at 512 candidates, on trained weights.

    Holds where the 95 % interval lies above 1.5 and mining and fitting take at most a tenth of the steps' time.
    """
    found = gain(rows, LEARNED, *BUDGET)
    if not found.n:
        return not_run("needs measurements of random and of learned functions in every seed", "times")
    share, timed = _share(rows), gain(rows, LEARNED, "microseconds", 20)
    verdict: Verdict = "inconclusive"
    if found.n > 1 and (found.low > GAIN or found.high <= GAIN or share > COST):
        verdict = "reproduced" if found.low > GAIN and share <= COST else "not reproduced"
    ours = f"{found.text('×')} of random SimHash at equal candidates; {timed.text('×')} at equal microseconds"
    reason = f"Mining and fitting take {100 * share:.1f} % of the steps' time.{doubt(found)}"
    return Finding(verdict, found.mean, found.ends(), "times", found.n, ours, reason, len(recalls(rows)))


def _share(rows: Rows) -> float:
    found = recalls(rows)
    mine = found[(found["family"] == LEARNED) & (found["step"] == found["step"].max())]
    return float(mine["training_share"].mean())


claim = Claim(
    id="mongoose/learned-hashing",
    words="a modified learnable version of data-dependent LSH to improve query time at a low cost",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="no number",
    needs=("hashing",),
    judge=judge,
    experiments=("learned-hashing",),
)
