"""How many times faster than exact attention a step of LSH attention is: what claims of speed are judged by."""

from collections.abc import Mapping

from bench.store import Rows
from reports.attention_cost import crossover, measured, times
from reports.claims.base import Finding, Verdict, at_least, doubt, not_run

LENGTH = 32_768
ROUNDS = {"lsh_4": "4 rounds", "lsh_1": "1 round"}
DTYPES = ("float32", "bfloat16")


def judge(rows: Rows, bars: Mapping[str, float]) -> Finding:
    """Effect: how many times faster a step is with four rounds, length 32,768, in float32.

    Holds where, in both dtypes, the interval over turns lies above the bar of four rounds and that of one; fails where
    all lie below. Partly: where that is so of some only, and none is inconclusive.

    Args:
        bars: of "lsh_4" and "lsh_1".
    """
    found = {(form, dtype): times(rows, "step_ms", form, dtype, LENGTH) for dtype in DTYPES for form in bars}
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
