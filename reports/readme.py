"""The README's results, from the committed rows: a block between two marks that a test holds to those rows."""

from pathlib import Path

import pandas as pd

from bench.store import Rows, write_atomically
from reports.claims.base import judge_all
from reports.selection import Setting, current, settings
from reports.tables import scores

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def table(reference: Rows) -> str:
    """Both tables in Markdown, for every setting of the rows: claims with verdicts, then methods with P@1 and n."""
    parts = [_part(setting, rows) for setting, rows in settings(current(reference))]
    return "\n\n".join(parts) if parts else "No reference rows are committed yet."


def refresh(readme: Path, reference: Rows) -> bool:
    """Rewrite the block of a README; whether that changed it.

    Raises:
        ValueError: the file lacks one of the two marks.
    """
    text = readme.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{readme.name} has no block for the results: put {BEGIN} and {END} on lines of their own.")
    before, after = text.split(BEGIN, 1)[0], text.split(END, 1)[1]
    fresh = f"{before}{BEGIN}\n\n{table(reference)}\n\n{END}{after}"
    if fresh != text:
        write_atomically(readme, fresh.encode())
    return fresh != text


def _part(setting: Setting, rows: Rows) -> str:
    judged = judge_all(rows)
    claims = pd.DataFrame(
        {
            "claim": judged["words"] + _mark_own(judged),
            "paper": judged["paper"],
            "ours": judged["ours"],
            "verdict": judged["verdict"],
        }
    )
    methods = scores(rows)[["method", "n", "P@1", "steps", "peak MiB"]].rename(columns={"P@1": "test P@1 (%)"})
    return f"{_context(setting, rows)}\n\n{_markdown(claims)}\n\n{_markdown(methods)}"


def _context(setting: Setting, rows: Rows) -> str:
    runs = rows.runs
    machines = ", ".join(sorted(set(runs["env_cpu"].astype(str))))
    budgets = " or ".join(f"{budget:g} s" for budget in sorted(set(runs["budget_s"].dropna())))
    return _cell(
        f"{setting.dataset}, scale {setting.scale}: {budgets} of training a run on {machines}; mean ± sd over n seeds."
    )


def _mark_own(judged: pd.DataFrame) -> pd.Series:
    return judged["tag"].map(lambda tag: " (our own question)" if tag == "ours" else "")


def _markdown(frame: pd.DataFrame) -> str:
    rows: list[list[object]] = [
        list(frame.columns),
        ["---"] * frame.shape[1],
        *frame.astype(object).to_numpy().tolist(),
    ]
    return "\n".join("| " + " | ".join(_cell(str(cell)) for cell in row) + " |" for row in rows)


def _cell(text: str) -> str:
    """Text that can neither end its cell nor start HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ") or "—"
