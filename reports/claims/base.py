"""What a claim is: somebody's words, where they stand, and a judgement that is a function of stored rows alone.

Verdicts follow from a 95 % interval over seeds. *Reproduced* and *not reproduced* need the whole interval on one side;
anything else, and any single seed, is *inconclusive*; *partly* is for claims that say what a part of them is; *not run*
means that rows the claim needs do not exist.
"""

import importlib
import math
import pkgutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import nan
from typing import Any, Literal

import pandas as pd

import reports.claims
from bench.store import Rows
from reports.interval import Interval
from reports.selection import CURVES, Setting, settings

Verdict = Literal["reproduced", "partly", "not reproduced", "inconclusive", "not run"]


@dataclass(frozen=True)
class Finding:
    """What our rows say of a claim.

    Attributes:
        effect: the measured size, in `unit`; NaN where not run.
        interval: its 95 % interval; NaN with fewer than two seeds.
        n: seeds.
        ours: the measurement in words.
        reason: why this verdict.
        rows: how many stored rows the judgement read.
    """

    verdict: Verdict
    effect: float
    interval: tuple[float, float]
    unit: str
    n: int
    ours: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Claim:
    """A sentence about the method that rows can contradict.

    Attributes:
        id: `mongoose/<words>`.
        words: the claim as its source puts it.
        source: where the words stand.
        tag: how we came by them: `paper text`, `secondary`, or `ours` for a question of our own.
        paper: the published number, "" where there is none.
        needs: the methods whose rows it reads.
        judge: rows of one setting to a finding.
        experiments: whose rows it is judged by.
    """

    id: str
    words: str
    source: str
    tag: str
    paper: str
    needs: tuple[str, ...]
    judge: Callable[[Rows], Finding]
    experiments: tuple[str, ...] = CURVES


def discover() -> list[Claim]:
    """Every claim of this folder, those with published words first."""
    modules = [
        importlib.import_module(f"reports.claims.{found.name}")
        for found in pkgutil.iter_modules(reports.claims.__path__)
    ]
    claims: list[Claim] = [module.claim for module in modules if hasattr(module, "claim")]
    return sorted(claims, key=lambda claim: (claim.tag == "ours", claim.id))


def judge_all(rows: Rows) -> pd.DataFrame:
    """One row a claim and setting: the claim's text, the setting, the finding; `lo` and `hi` are its interval."""
    return pd.DataFrame([row for claim in discover() for row in _judge(claim, rows) or [_nothing(claim, rows)]])


def judge_run(rows: Rows) -> pd.DataFrame:
    """The same without the claims whose experiments are not among the rows."""
    return pd.DataFrame([row for claim in discover() for row in _judge(claim, rows)])


def _judge(claim: Claim, rows: Rows) -> list[dict[str, Any]]:
    cases = [case for case in settings(rows) if case[0].experiment in claim.experiments]
    return [_row(claim, setting, claim.judge(part)) for setting, part in cases]


def _nothing(claim: Claim, rows: Rows) -> dict[str, Any]:
    return _row(claim, Setting("", "", ""), claim.judge(rows.of(rows.runs.iloc[:0])))


def as_json(judged: pd.DataFrame) -> list[dict[str, Any]]:
    """The form that `claims --json` prints: numbers that do not exist are null."""
    keys = [
        "id",
        "words",
        "source",
        "tag",
        "verdict",
        "effect",
        "unit",
        "n",
        "scale",
        "dataset",
        "ours",
        "reason",
        "rows",
    ]
    return [
        {key: _plain(row[key]) for key in keys} | {"interval": [_plain(row["lo"]), _plain(row["hi"])]}
        for row in judged.to_dict("records")
    ]


def not_run(reason: str, unit: str = "") -> Finding:
    """The finding where rows are lacking; the reason names them."""
    return Finding("not run", nan, (nan, nan), unit, 0, "—", reason, 0)


def at_least(found: Interval, bound: float) -> Verdict:
    """Reproduced where the whole interval lies at or above the bound, not reproduced where it lies below."""
    if found.n < 2 or found.low < bound <= found.high:
        return "inconclusive"
    return "reproduced" if found.low >= bound else "not reproduced"


def above(found: Interval, bound: float) -> Verdict:
    """Reproduced where the whole interval lies above the bound, not reproduced where none of it does."""
    if found.n < 2 or found.low <= bound < found.high:
        return "inconclusive"
    return "reproduced" if found.low > bound else "not reproduced"


def within(found: Interval, low: float, high: float) -> Verdict:
    """Reproduced where the whole interval lies between low and high, not reproduced where none of it does."""
    if found.n >= 2 and low <= found.low and found.high <= high:
        return "reproduced"
    outside = found.high < low or found.low > high
    return "not reproduced" if found.n >= 2 and outside else "inconclusive"


def doubt(found: Interval) -> str:
    """What to add to a reason when the seeds are too few to judge."""
    return "" if found.n > 1 else " One seed gives no interval, so nothing is concluded."


def _row(claim: Claim, setting: Setting, finding: Finding) -> dict[str, Any]:
    row = asdict(claim) | asdict(setting) | asdict(finding) | {"lo": finding.interval[0], "hi": finding.interval[1]}
    return {key: value for key, value in row.items() if key not in ("judge", "interval", "needs", "experiments")}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
