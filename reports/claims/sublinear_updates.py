"""Does Algorithm 1 keep tables true for less than a share of the rows?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, doubt, not_run
from reports.growth import costs, exponents

WALK = ("all", "two_copy")


def judge(rows: Rows) -> Finding:
    """Effect: exponent with which rows re-hashed and scanned a step grow with the number of rows, all of which move.

    Holds where the 95 % interval lies below 1, the exponent of updating always.
    """
    found = exponents(rows, "upkeep").get(WALK)
    if found is None:
        return not_run("needs measurements of Algorithm 1 at two sizes or more", "exponent")
    verdict: Verdict = "inconclusive"
    if found.n > 1 and (found.high < 1 or found.low >= 1):
        verdict = "reproduced" if found.high < 1 else "not reproduced"
    compared = exponents(rows, "cost")[WALK]
    ours = f"n^{found.text()}; with the comparisons of rows and copies n^{compared.text()}"
    reason = (
        f"On random walks that meet the theorem's assumption; comparing is cheap, and still of all rows.{doubt(found)}"
    )
    return Finding(verdict, found.mean, found.ends(), "exponent", found.n, ours, reason, len(costs(rows)))


claim = Claim(
    id="mongoose/sublinear-updates",
    words="a scheduling algorithm to adaptively perform LSH updates with provable guarantees",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="no number",
    needs=("growth",),
    judge=judge,
    experiments=("scheduler-growth",),
)
