"""Do LSH attention with four rounds and MONGOOSE's with one learn to copy?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, doubt, not_run
from reports.copying import STUDY, accuracy, measured

FORMS = ("lsh_4", "mongoose_1")
LEARNED = 0.99
NAMES = {
    "full": "full attention",
    "local": "local attention",
    "lsh_1": "LSH with 1 round",
    "lsh_4": "LSH with 4 rounds",
    "mongoose_1": "MONGOOSE with 1",
}


def judge(rows: Rows) -> Finding:
    """Effect: accuracy on the copied half of MONGOOSE's attention with one round, in percent.

    Holds where it and that of LSH attention with four rounds are at least 99 % by the whole 95 % interval; fails where
    the whole interval of one lies below.
    """
    found = {form: accuracy(rows, form) for form in FORMS}
    if not all(one.n for one in found.values()):
        return not_run("needs runs of LSH attention with 4 rounds and of MONGOOSE's with 1", "% of symbols")
    verdict: Verdict = "inconclusive"
    if all(one.n > 1 and one.low >= LEARNED for one in found.values()):
        verdict = "reproduced"
    elif any(one.n > 1 and one.high < LEARNED for one in found.values()):
        verdict = "not reproduced"
    main = found["mongoose_1"]
    low, high = main.ends()
    ours = "; ".join(f"{NAMES[form]}: {100 * one.mean:.1f} %" for form, one in found.items())
    reason, used = f"{_others(rows)}{doubt(min(found.values(), key=lambda one: one.n))}".strip(), len(measured(rows))
    return Finding(verdict, 100 * main.mean, (100 * low, 100 * high), "% of symbols", main.n, ours, reason, used)


def _others(rows: Rows) -> str:
    found = {form: accuracy(rows, form) for form in NAMES if form not in FORMS}
    told = ", ".join(f"{NAMES[form]} {100 * one.mean:.1f} %" for form, one in found.items() if one.n)
    return f"Others: {told}." if told else ""


claim = Claim(
    id="mongoose/copy-task",
    words="LSH attention with 4 rounds and MONGOOSE's with 1 learn to copy: at least 99 % of the symbols are right",
    source="our own bar; Reformer (ICLR 2020), table 2, has the accuracies of LSH attention",
    tag="ours",
    paper="LSH attention trained with 4 rounds: 99.9 % judged with 4, length 1024, 127 symbols",
    needs=tuple(f"{STUDY}{form}" for form in FORMS),
    judge=judge,
    experiments=("copy-task",),
)
