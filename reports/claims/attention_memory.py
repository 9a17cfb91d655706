"""Does LSH attention need less memory than the fused exact attention that people use today?"""

from bench.store import Rows
from reports.attention_cost import measured, memory_exponent, times
from reports.claims.base import Claim, Finding, at_least, doubt, not_run

LENGTH = 32_768
LESS = 2.0


def judge(rows: Rows) -> Finding:
    """Effect: how many times the memory of LSH attention with four rounds exact attention holds, 32,768 long, float32.

    Holds where the interval over turns lies above 2.
    """
    found = times(rows, "peak_mib", "lsh_4", "float32", LENGTH)
    if not found.n:
        return not_run(f"needs turns of exact and LSH attention at length {LENGTH:,}", "x")
    one = times(rows, "peak_mib", "lsh_1", "float32", LENGTH)
    grows = {form: memory_exponent(rows, form, "float32") for form in ("sdpa", "lsh_4")}
    ours = f"{found.text('x')} with 4 rounds, {one.text('x')} with 1"
    reason = (
        "Fused exact attention keeps no matrix of scores, so its memory too is in proportion to the length: exponent "
        f"{grows['sdpa'].mean:.2f}, of LSH attention {grows['lsh_4'].mean:.2f}. n counts turns.{doubt(found)}"
    )
    return Finding(at_least(found, LESS), found.mean, found.ends(), "x", found.n, ours, reason, len(measured(rows)))


claim = Claim(
    id="mongoose/attention-memory",
    words="A step of LSH attention with 4 rounds, length 32,768, holds at most half the memory of exact attention",
    source="our own bar, against torch's fused scaled_dot_product_attention on the same CPU",
    tag="ours",
    paper="",
    needs=(),
    judge=judge,
    experiments=("attention-cost",),
)
