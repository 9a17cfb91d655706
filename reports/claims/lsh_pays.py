"""Do hash tables choose better negatives than chance does, for what they cost?"""

import math

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, at_least, not_run
from reports.duel import Duel, duels
from reports.selection import evaluations

RANDOM = tuple(
    f"sampled_{draw}-{size}{correction}"
    for draw in ("uniform", "frequency")
    for size in ("4k", "9k", "16k")
    for correction in ("", "_uncorrected")
)
RIVALS = (*RANDOM, "sampled_frequency-1k", "in_batch", "pool_hardest", "pool_hardest-uncorrected")
LEAST_SEEDS = 3  # of every rival, or nothing is won: two agree by chance
GATE = 0.1  # recall of the exact ten by what was retrieved; below it the tables find next to nothing


def judge(rows: Rows) -> Finding:
    """Effect: test P@1 of MONGOOSE minus that of its hardest rival after the same seconds, in points.

    Holds where MONGOOSE is ahead of every rival at equal seconds; partly, where it is so at equal steps only; in either
    case by more than a 95 % interval, with every rival run on three seeds and the recall of what is retrieved above the
    gate.
    """
    seconds, steps = (duels(rows, "mongoose", RIVALS, x) for x in ("train_s", "step"))
    if not seconds:
        return not_run("needs rows of MONGOOSE and of a rival", "points")
    hardest = seconds[0]
    recall = _recall(rows)
    verdict, reason = _verdict(seconds, steps, recall)
    ours = f"{hardest.lead.text(' points')}: {_wording(hardest, 's')}; at equal steps {_wording(steps[0], 'steps')}"
    used = int(evaluations(rows)["method"].isin(["mongoose", *RIVALS]).sum())
    return Finding(verdict, hardest.lead.mean, hardest.lead.ends(), "points", hardest.lead.n, ours, reason, used)


def _verdict(seconds: list[Duel], steps: list[Duel], recall: float) -> tuple[Verdict, str]:
    absent = set(RIVALS) - {duel.rival for duel in seconds}
    few = sorted(duel.rival for duel in seconds if duel.lead.n < LEAST_SEEDS)
    at_seconds, at_steps = (_ahead(found) for found in (seconds, steps))
    if math.isnan(recall):
        return "inconclusive", "What the tables retrieve was not measured."
    if recall < GATE:
        return "not reproduced", f"The tables retrieve {recall:.2f} of the exact ten: below the gate of {GATE}."
    if absent and "reproduced" in (at_seconds, at_steps):
        return "inconclusive", f"No rows: {', '.join(sorted(absent))}."
    if few and "reproduced" in (at_seconds, at_steps):
        return "inconclusive", f"Ahead, but with fewer than {LEAST_SEEDS} seeds of {', '.join(few)}."
    if at_seconds == "reproduced":
        return "reproduced", "Ahead of every rival after the same seconds."
    if at_steps == "reproduced":
        return "partly", "Ahead of every rival after the same steps, not after the same seconds."
    if at_seconds == "not reproduced":
        return at_seconds, "Behind a rival after the same seconds, and not clearly ahead of all after the same steps."
    return "inconclusive", "Neither clearly ahead of every rival after the same seconds nor clearly behind one."


def _ahead(found: list[Duel]) -> Verdict:
    """Of every rival; not, if one of them is ahead by its whole interval."""
    verdicts = [at_least(duel.lead, 0.0) for duel in found]
    if "not reproduced" in verdicts:
        return "not reproduced"
    return "reproduced" if all(verdict == "reproduced" for verdict in verdicts) else "inconclusive"


def _recall(rows: Rows) -> float:
    """Share of the exact ten largest scores among what MONGOOSE retrieved, at the last evaluations."""
    traces = evaluations(rows)
    last = traces[traces["method"] == "mongoose"].sort_values("step").drop_duplicates("key", keep="last")
    return float(last["retrieved_at_10"].mean())


def _wording(duel: Duel, unit: str) -> str:
    return f"{duel.ours:.2f} % against {duel.theirs:.2f} % of {duel.rival} at {duel.x:,.0f} {unit}"


claim = Claim(
    id="mongoose/lsh-pays",
    words="Hash tables choose better negatives than chance does, for the same seconds of training",
    source="our own question, not the paper's words",
    tag="ours",
    paper="",
    needs=("mongoose", *RIVALS),
    judge=judge,
    experiments=("question",),
)
