"""Do learned rotations make a better language model than random ones?"""

from bench.store import Rows
from reports.byte_lm import as_trained, saved
from reports.claims.base import Claim, Finding, above, doubt, not_run

ROUNDS = 1


def judge(rows: Rows) -> Finding:
    """Effect: bits a character that MONGOOSE's rotations save over random ones, one round each, after equal steps.

    Holds where the 95 % interval lies above 0.
    """
    steps, seconds = (saved(rows, ROUNDS, axis) for axis in ("step", "train_s"))
    if not steps.n:
        return not_run("needs runs of LSH attention and of MONGOOSE's with 1 round", "bits a character")
    ours = f"{steps.text(digits=3)} after equal steps; {seconds.text(digits=3)} after equal seconds"
    reason = f"Seconds hold what learning costs.{doubt(steps)}"
    used = len(as_trained(rows))
    return Finding(above(steps, 0), steps.mean, steps.ends(), "bits a character", steps.n, ours, reason, used)


claim = Claim(
    id="mongoose/byte-lm",
    words="Rotations that learn make a better language model of bytes than random ones of as many rounds",
    source="our own question",
    tag="ours",
    paper="",
    needs=("byte_lm-lsh_1", "byte_lm-mongoose_1"),
    judge=judge,
    experiments=("byte-lm",),
)
