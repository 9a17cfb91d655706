"""Is hashing for negatives better than drawing them at random? The question a user of sampled softmax has."""

from bench.store import Rows
from reports.claims.base import Claim, Finding, above, doubt, not_run
from reports.comparison import lead, wording
from reports.interval import interval
from reports.selection import evaluations

RIVALS = ("sampled_uniform", "sampled_frequency")


def judge(rows: Rows) -> Finding:
    """Effect: test P@1 of MONGOOSE minus that of the better random sampler, after equal seconds, in points.

    Holds where the 95 % interval lies above 0, and no rival is missing.
    """
    found = lead(rows, "mongoose", RIVALS)
    if found is None:
        return not_run("needs rows of MONGOOSE and of a method with random negatives", "points")
    points = interval(found.points)
    side = "ahead of" if points.mean > 0 else "behind"
    reason = f"On average MONGOOSE is {side} the best random sampler; the paper does not say.{doubt(points)}"
    used = int(evaluations(rows)["method"].isin(["mongoose", *RIVALS]).sum())
    ours = f"{points.text(' points')}; {wording(found, 'mongoose')}"
    verdict = above(points, 0.0)
    if verdict == "reproduced" and set(RIVALS) - set(evaluations(rows)["method"]):
        verdict, reason = "inconclusive", f"{reason} A rival has no rows, so it may not be the best."
    return Finding(verdict, points.mean, points.ends(), "points", points.n, ours, reason, used)


claim = Claim(
    id="mongoose/beats-sampling",
    words="MONGOOSE is more precise than sampled softmax with random negatives after the same seconds of training",
    source="our own question, not the paper's words",
    tag="ours",
    paper="",
    needs=("mongoose", *RIVALS),
    judge=judge,
)
