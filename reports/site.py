"""The report as one page that needs nothing else: no script, no font, no address outside its own folder."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.store import Rows, write_atomically
from reports import (
    attention_cost,
    byte_lm,
    byte_lm_lengths,
    copying,
    fronts,
    growth,
    hash_rates,
    hashing,
    kernels,
    policies,
    question,
)
from reports.claims.base import as_json, discover, judge_all
from reports.figures import base as figures
from reports.paper_values import paper_values
from reports.selection import Setting, current, settings
from reports.tables import at_equal_seconds, at_equal_steps, cost, environments, failures, precision

TEMPLATES = Path(__file__).parent / "templates"
TABLES = {  # by experiment; the others have those of learning curves
    "attention-cost": attention_cost.tables,
    "attention-cost-gpu": attention_cost.tables,
    "byte-lm": byte_lm.tables,
    "byte-lm-lengths": byte_lm_lengths.tables,
    "copy-task": copying.tables,
    "fronts": fronts.tables,
    "hash-change": hash_rates.tables,
    "learned-hashing": hashing.tables,
    "policies": policies.tables,
    "question": question.tables,
    "scheduler-growth": growth.tables,
}
CHOSEN = "On the whole test part, of the evaluation with the best validation P@1 (early stopping)."
HERE, REFERENCE = "this machine", "committed reference"


@dataclass(frozen=True)
class Section:
    """Everything the page says of the rows of one setting."""

    slug: str
    origin: str
    setting: Setting
    facts: list[str]
    figures: list[figures.Saved]
    tables: list[tuple[str, str, pd.DataFrame]]


@dataclass(frozen=True)
class Judged:
    """One claim, with what each origin's rows say of it."""

    words: str
    source: str
    tag: str
    paper: str
    findings: list[dict[str, Any]]


def build(
    quick: Rows | None,
    reference: Rows | None,
    destination: Path,
    model: dict[str, Any] | None = None,
    times: dict[str, Any] | None = None,
) -> Path:
    """Write `index.html`, `claims.json` and `figures/` into a folder; the same rows give the same bytes.

    Args:
        quick: rows of the reader's own store, any scales; None or empty rows are named as missing.
        reference: the committed rows.
        model, times: what `bench kernels` wrote of the CUDA kernels, and on a GPU.
        destination: the folder; files of the same names are replaced.

    Returns:
        The page.
    """
    origins = {
        name: current(rows)
        for name, rows in ((HERE, quick), (REFERENCE, reference))
        if rows is not None and len(rows.runs)
    }
    destination.mkdir(parents=True, exist_ok=True)
    sections = [
        _section(name, setting, part, destination) for name, rows in origins.items() for setting, part in settings(rows)
    ]
    page, style = destination / "index.html", (TEMPLATES / "style.css").read_text()
    html = template("index.html.j2").render(
        style=style,
        style_hash=style_digest(style),
        sections=sections,
        absent=[name for name in (HERE, REFERENCE) if name not in origins],
        claims=_claims(origins),
        environments=[(name, environments(rows)) for name, rows in origins.items()],
        failures=[(name, failures(rows)) for name, rows in origins.items() if len(failures(rows))],
        paper=paper_values(),
        kernels=[] if model is None else kernels.tables(model),
        kernel_times=[] if times is None else kernels.measured(times),
    )
    write_atomically(page, html.encode())
    write_atomically(destination / "claims.json", _claims_json(origins).encode())
    return page


def template(name: str) -> Any:
    """A template of `reports/templates`; every value put into it is escaped."""
    loaded = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return loaded.get_template(name)


def _section(origin: str, setting: Setting, rows: Rows, destination: Path) -> Section:
    slug = "-".join(
        "".join(c if c.isalnum() else "-" for c in word)
        for word in (origin, setting.dataset, setting.scale, setting.experiment)
    )
    saved = [
        figures.save(figure, rows, destination / "figures" / slug) for figure in figures.discover(setting.experiment)
    ]
    return Section(slug, origin, setting, _facts(setting, rows), saved, TABLES.get(setting.experiment, _tables)(rows))


def _tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    read = "Test P@1 (%) read from the curves, interpolated between evaluations; — beyond what every seed reached."
    return [
        ("Scores", f"{CHOSEN} In percent, mean ± sd over n seeds.", precision(rows)),
        ("Cost", "Mean ± sd over n seeds; — where there is nothing to count.", cost(rows)),
        ("At equal seconds", read, at_equal_seconds(rows)),
        ("At equal steps", read, at_equal_steps(rows)),
    ]


def _facts(setting: Setting, rows: Rows) -> list[str]:
    """What was run, how often, for how long and where, in sentences made of rows."""
    runs = rows.runs
    trained = runs[runs["budget_s"].notna()]
    seeds, failed = sorted(set(runs["seed"])), int((runs["status"] != "ok").sum())
    budgets = " or ".join(f"{budget:g} s" for budget in sorted(set(trained["budget_s"])))
    where = sorted(
        {
            f"{cpu}, {cores} cores, {threads} threads, backend {backend}"
            for cpu, cores, threads, backend in _machines(runs)
        }
    )
    return [
        f"Command: python -m bench reproduce {setting.experiment} --scale {setting.scale}",
        f"{len(runs)} runs of {runs['method'].nunique()} methods, {failed} failed; seeds {', '.join(map(str, seeds))}.",
        f"Training budget a run: {budgets or 'not stated'}; {runs['test_points'].max():,} test points.",
        f"Machine: {'; '.join(where)}.",
    ]


def _machines(runs: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(runs[["env_cpu", "env_cores", "env_threads", "env_backend"]].itertuples(index=False, name=None))


def _claims(origins: dict[str, Rows]) -> list[Judged]:
    judged = {name: judge_all(rows) for name, rows in origins.items()}
    return [
        Judged(
            claim.words,
            claim.source,
            claim.tag,
            claim.paper,
            [row for name, frame in judged.items() for row in _findings(name, frame, claim.id)],
        )
        for claim in discover()
    ]


def _findings(origin: str, judged: pd.DataFrame, identity: str) -> list[dict[str, Any]]:
    return [
        {str(key): value for key, value in row.items()} | {"origin": origin}
        for row in judged[judged["id"] == identity].to_dict("records")
    ]


def _claims_json(origins: dict[str, Rows]) -> str:
    found = {name: as_json(judge_all(rows)) for name, rows in origins.items()}
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def style_digest(text: str) -> str:
    """What a content security policy names an inline style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
