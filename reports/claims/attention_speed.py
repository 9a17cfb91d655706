"""Is LSH attention faster than the fused exact attention that people use today?"""

from collections.abc import Mapping

from bench.store import Rows
from reports.attention_cost import crossover, measured, times
from reports.claims.base import Claim, Finding, Verdict, at_least, doubt, not_run

LENGTH = 32_768
BARS = {"lsh_4": 8.0, "lsh_1": 25.0}
ROUNDS = {"lsh_4": "4 rounds", "lsh_1": "1 round"}
CROSSOVER = 4096
DTYPES = ("float32", "bfloat16")


def judge(rows: Rows, bars: Mapping[str, float] = BARS) -> Finding:
    """Effect: how many times faster a step is with four rounds, length 32,768, in float32.

    Holds where, in both dtypes, the interval over turns lies above the bar of four rounds and that of one; fails where
    all lie below. Partly: where that is so of some only, and none is inconclusive.
    """
    found = {(form, dtype): times(rows, "step_ms", form, dtype, LENGTH) for dtype in DTYPES for form in BARS}
    if not all(one.n for one in found.values()):
        return not_run(f"needs turns of exact and LSH attention at length {LENGTH:,}", "x")
    verdicts = [at_least(one, bars[form]) for (form, _), one in found.items()]
    main = found["lsh_4", "float32"]
    ours = "; ".join(f"{ROUNDS[form]}, {dtype}: {one.text('x', 1)}" for (form, dtype), one in found.items())
    return Finding(
        _together(verdicts), main.mean, main.ends(), "x", main.n, ours, _reason(rows) + doubt(main), len(measured(rows))
    )


def _together(verdicts: list[Verdict]) -> Verdict:
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return "inconclusive" if "inconclusive" in verdicts else "partly"


def _reason(rows: Rows) -> str:
    from_where = {dtype: crossover(rows, "lsh_4", dtype) for dtype in DTYPES}
    told = ", ".join(f"{one.mean:,.0f} in {dtype}" for dtype, one in from_where.items() if one.n)
    return f"n counts turns. With four rounds it is faster from length {told} on." if told else "n counts turns."


claim = Claim(
    id="mongoose/attention-speed",
    words=(
        "A training step of LSH attention at length 32,768 is at least 8 times as fast as exact attention with 4 "
        "rounds of hashing, 25 times with 1"
    ),
    source="our own bar, against torch's fused scaled_dot_product_attention on the same CPU",
    tag="ours",
    paper="Reformer (ICLR 2020), figure 5: exact attention grows with the square of the length, LSH attention does not",
    needs=(),
    judge=judge,
    experiments=("attention-cost",),
)
