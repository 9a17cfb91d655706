"""The README's results and speed, from the committed rows: blocks between marks that a test holds to those rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.store import Rows, write_atomically
from reports import byte_lm, byte_lm_lengths, copying, kernels
from reports.claims import lsh_pays
from reports.claims.base import judge_run
from reports.question import in_short
from reports.selection import Setting, current, settings
from reports.tables import scores

SPEED = "speed"
SWEEP = "labels"
RESULTS = "results"
ELSEWHERE = "debian"
QUESTION = "question"
ATTENTION = "attention"
GPU = "gpu"
LEARNING = {"byte-lm": byte_lm.tables, "byte-lm-lengths": byte_lm_lengths.tables, "copy-task": copying.tables}
OURS = "mongoose-uniform"  # the system that others are compared with: the least a sampled method costs


def table(reference: Rows) -> str:
    """Both tables in Markdown, for every setting of the rows: claims with verdicts, then methods with P@1 and n."""
    parts = [_part(setting, rows) for setting, rows in settings(current(reference))]
    return "\n\n".join(parts) if parts else "No reference rows are committed yet."


def elsewhere(reference: Rows) -> str:
    """What each method scored on each data set, as one table in Markdown."""
    parts = settings(current(reference))
    tables = [scores(rows).assign(**{"data set": setting.dataset}) for setting, rows in parts]
    found = pd.concat(tables).query("n != '0'").rename(columns={"P@1": "test P@1 (%)"})
    columns = ["data set", "method", "n", "test P@1 (%)", "P@5", "PSP@1", "steps", "peak MiB"]
    budgets = sorted(set(reference.runs["budget_s"]))
    machines = ", ".join(sorted(set(reference.runs["env_cpu"].astype(str))))
    seconds = " or ".join(f"{budget:g} s" for budget in budgets)
    context = f"{seconds} of training a run on {machines}; mean ± sd over n seeds."
    return f"{_cell(context)}\n\n{_markdown(found[columns])}"


def question(reference: Rows) -> str:
    """Whether LSH pays: of each data set the verdict, and MONGOOSE against every rival, in Markdown."""
    return "\n\n".join(
        f"{_cell(_verdict(setting, rows))}\n\n{_markdown(in_short(rows))}"
        for setting, rows in settings(current(reference))
    )


def attention(reference: Rows) -> str:
    """What rows of attention say of the claims about it, and the first table of models that learn, in Markdown."""
    parts = settings(current(reference))
    return "\n\n".join(part for setting, rows in parts for part in _of_attention(setting, rows))


def _of_attention(setting: Setting, rows: Rows) -> list[str]:
    told = [_machine(setting, rows), _markdown(_claims(judge_run(rows)))]
    if setting.experiment not in LEARNING:
        return told
    _, caption, table_ = LEARNING[setting.experiment](rows)[0]
    return [*told, _cell(caption), _markdown(table_)]


def on_gpu(times: Mapping[str, Any]) -> str:
    """What `bench kernels --device cuda` found of whole steps, in Markdown."""
    machine = times["machine"]
    where = _cell(f"On {machine['cpu']}, torch {machine['torch']}.")
    return f"{where}\n\n{_markdown(kernels.steps(times['steps']))}"


def _machine(setting: Setting, rows: Rows) -> str:
    machines = ", ".join(sorted(set(rows.runs["env_cpu"].astype(str))))
    threads = ", ".join(sorted({f"{n:g}" for n in rows.runs["env_threads"]}))
    return _cell(f"Item {setting.experiment}, scale {setting.scale}: on {machines}, {threads} threads.")


def _verdict(setting: Setting, rows: Rows) -> str:
    judged = judge_run(rows)
    (found,) = judged[judged["id"] == lsh_pays.claim.id].to_dict("records")
    return f"**{setting.dataset}: {found['verdict']}.** {found['ours']}. {found['reason']}"


def marks(block: str) -> tuple[str, str]:
    """What stands before and after a block."""
    return f"<!-- {block}:begin -->", f"<!-- {block}:end -->"


def rewrite(readme: Path, block: str, body: str) -> bool:
    """Rewrite a block of a README; whether that changed it.

    Raises:
        ValueError: the file lacks one of the block's two marks.
    """
    text, (begin, end) = readme.read_text(), marks(block)
    if begin not in text or end not in text:
        raise ValueError(f"{readme.name} has no block {block!r}: put {begin} and {end} on lines of their own.")
    before, after = text.split(begin, 1)[0], text.split(end, 1)[1]
    fresh = f"{before}{begin}\n\n{body}\n\n{end}{after}"
    if fresh != text:
        write_atomically(readme, fresh.encode())
    return fresh != text


def speed(measured: Mapping[str, Any]) -> str:
    """What `bench speed --json` printed, as three lines of context and tables of systems and of tables, in Markdown."""
    machine, settings_, roofs = measured["machine"], measured["settings"], measured["roofs"]
    context = (
        f"{measured['rows'][0]['shape']}, batches of {settings_['batch']}, {settings_['hidden']} hidden, Adam, on "
        f"{machine['cpu']}, {machine['threads']} threads, backend {machine['backend']}; {settings_['rounds']} rounds. "
        f"Measured roofs: {roofs['read_gbs']:.0f} GB/s read in order, {roofs['random_read_gbs']:.0f} GB/s in rows "
        f"of 512 bytes at random; products {roofs['fp32_gflops']:.0f} GFLOP/s in float32, "
        f"{roofs['bf16_gflops']:.0f} in bfloat16."
    )
    told = [_systems(measured)] + ([_tables(measured)] if measured["tables"] else [])
    return "\n\n".join([_cell(context), *map(_markdown, told)])


def sweep(measured: Mapping[str, Any]) -> str:
    """What `bench speed` printed for several shapes, as a table in Markdown: a row a system, a column a shape."""
    good = pd.DataFrame([row for row in measured["rows"] if row["status"] == "ok"])
    shapes, systems = list(dict.fromkeys(good["shape"])), list(dict.fromkeys(good["system"]))
    steps = good.pivot(index="system", columns="shape", values="step_ms").loc[systems, shapes]
    shown = steps.map(lambda step: f"{step:,.1f}").add_suffix(", step ms")
    shown[f"{shapes[-1]} / {shapes[0]}"] = [f"{ratio:.2f}" for ratio in steps[shapes[-1]] / steps[shapes[0]]]
    return _markdown(shown.reset_index().rename_axis(columns=None))


def _systems(measured: Mapping[str, Any]) -> pd.DataFrame:
    good = [row for row in measured["rows"] if row["status"] == "ok"]
    ours = next(row["step_ms"] for row in good if row["system"] == OURS)
    return pd.DataFrame(
        {
            "system": [row["system"] for row in good],
            "step ms (quartiles)": [_quartiles(row) for row in good],
            f"times {OURS}": [f"{row['step_ms'] / ours:,.3g}" for row in good],
            "peak MiB": [f"{row['peak_mib']:,.0f}" for row in good],
            "steps": [str(row["n"]) for row in good],
        }
    )


def _quartiles(row: Mapping[str, Any]) -> str:
    low, high = row["step_ms_iqr"]
    return f"{row['step_ms']:,.1f} ({low:,.1f} to {high:,.1f})"


def _tables(measured: Mapping[str, Any]) -> pd.DataFrame:
    rows = measured["tables"]
    return pd.DataFrame(
        {
            "tables (16)": [f"{row['family']}, {row['num_bits']} bits" for row in rows],
            "hash + build ms": [f"{row['hash_ms']:.0f} + {row['build_ms']:.0f}" for row in rows],
            "1 % update": [f"{row['update_share']:.1%}" for row in rows],
            "query ms a batch": [f"{row['query_ms']:.1f}" for row in rows],
            "candidates": [f"{row['candidates']:.0f}" for row in rows],
            "recall@10": [f"{row['recall_at_10']:.1%} ({row['gain']:.0f} × random)" for row in rows],
            "recall@10 of 8 kept: all scored, shortlist": [
                f"{row['kept_exact']:.2%}, {row['kept_short']:.2%}" for row in rows
            ],
        }
    )


def _part(setting: Setting, rows: Rows) -> str:
    claims = _claims(judge_run(rows))
    methods = scores(rows)[["method", "n", "P@1", "steps", "peak MiB"]].rename(columns={"P@1": "test P@1 (%)"})
    return f"{_context(setting, rows)}\n\n{_markdown(claims)}\n\n{_markdown(methods)}"


def _claims(judged: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "claim": judged["words"] + _mark_own(judged),
            "paper": judged["paper"],
            "ours": judged["ours"],
            "verdict": judged["verdict"],
        }
    )


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
