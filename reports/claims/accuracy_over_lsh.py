"""Is MONGOOSE more precise than the LSH training that came before it?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, above, doubt, not_run
from reports.comparison import lead, wording
from reports.interval import interval
from reports.paper_values import paper_value
from reports.selection import evaluations

RIVALS = ("slide", "naive_lsh")
CLAIMED = paper_value("accuracy over previous LSH approaches (at most)")


def judge(rows: Rows) -> Finding:
    """Effect: test P@1 of MONGOOSE minus that of the better of SLIDE and naive LSH, after equal seconds, in points.

    "Up to" makes 8 an upper end, so the claim holds where the 95 % interval lies above 0; the reason gives the size.
    """
    found = lead(rows, "mongoose", RIVALS)
    if found is None:
        return not_run("needs rows of MONGOOSE and of SLIDE or naive LSH", "points")
    points = interval(found.points)
    size = (
        f"{points.mean:+.2f} points against the paper's “up to {CLAIMED:.0f} %” (Wiki-325K by a secondary source: 8.1)."
    )
    reason = f"{size} SLIDE and naive LSH here are our own implementations, not their authors'.{doubt(points)}"
    ours = f"{points.text(' points')}; {wording(found, 'mongoose')}"
    used = int(evaluations(rows)["method"].isin(["mongoose", *RIVALS]).sum())
    return Finding(above(points, 0.0), points.mean, points.ends(), "points", points.n, ours, reason, used)


claim = Claim(
    id="mongoose/accuracy-over-lsh",
    words="up to 8% better accuracy compared to previous LSH approaches",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="up to 8 %",
    needs=("mongoose", *RIVALS),
    judge=judge,
    experiments=("first-light",),
)
