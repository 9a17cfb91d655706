"""Tables of the question: who leads whom by how much, at which cost, and what was retrieved."""

import pandas as pd

from bench.store import Rows
from reports.appearance import label, ordered
from reports.claims.lsh_pays import RIVALS
from reports.costs import costs
from reports.duel import duels, table
from reports.selection import evaluations
from reports.tables import at_equal_seconds, at_equal_steps, mean_sd, precision

Table = tuple[str, str, pd.DataFrame]


def tables(rows: Rows) -> list[Table]:
    """What the report shows of the question's rows on one data set: title, caption, table."""
    lead = (
        "Points of test P@1 that MONGOOSE is ahead by, with a 95 % interval over seeds, where the shorter curve ends. "
    )
    quarter = "Last quarter: what the rival still gained over the last quarter of its way there. "
    return [
        (
            "MONGOOSE against each rival, at equal seconds",
            f"{lead}{quarter}Break-even: how many times slower MONGOOSE could be made before the rival is level.",
            table(duels(rows, "mongoose", RIVALS, "train_s"), "s"),
        ),
        (
            "MONGOOSE against each rival, at equal steps",
            f"{lead}{quarter}Break-even: how many times dearer than the rival's MONGOOSE's step could be.",
            table(duels(rows, "mongoose", RIVALS, "step"), "steps"),
        ),
        (
            "What a step costs",
            "Milliseconds on two threads, all systems by turns in one process, on trained weights.",
            cost(rows),
        ),
        ("What is retrieved", "At the last evaluation, mean ± sd over n seeds.", retrieved(rows)),
        ("Scores", "Whole test part, the evaluation of the best validation P@1; percent.", precision(rows)),
        ("At equal seconds", "Test P@1 (%) read from the curves.", at_equal_seconds(rows)),
        ("At equal steps", "Test P@1 (%) read from the curves.", at_equal_steps(rows)),
    ]


def in_short(rows: Rows) -> pd.DataFrame:
    """A row a rival, the hardest at equal seconds first: both duels side by side, and what a step of it costs."""
    seconds, steps = (duels(rows, "mongoose", RIVALS, x) for x in ("train_s", "step"))
    by_steps, ms = {duel.rival: duel for duel in steps}, costs(rows)["step_ms"]
    return pd.DataFrame(
        [
            {
                "rival": label(duel.rival),
                "its step / ours": f"{ms[duel.rival] / ms['mongoose']:.2f}",
                "seconds": f"{duel.x:,.0f}",
                "its P@1 (%)": f"{duel.theirs:.2f}",
                "our lead (points)": duel.lead.text(),
                "steps": f"{by_steps[duel.rival].x:,.0f}",
                "our lead at equal steps": by_steps[duel.rival].lead.text(),
            }
            for duel in seconds
            if duel.rival in by_steps
        ]
    )


def cost(rows: Rows) -> pd.DataFrame:
    """Milliseconds a step of each system, its parts, and its ratio to the cheapest."""
    found = costs(rows)
    runs = rows.runs[rows.runs["steps"] > 0].groupby("method")[["table_updates", "steps"]].sum()
    rate = (runs["table_updates"] / runs["steps"]).reindex(found.index).fillna(0.0)
    whole = found["step_ms"] + found["asked_ms"] + rate * found["update_ms"]
    frame = pd.DataFrame(
        {
            "system": [label(name) for name in found.index],
            "step": found["step_ms"],
            "asking": found["asked_ms"],
            "updates": rate * found["update_ms"],
            "together": whole,
            "times the cheapest": whole / whole.min(),
        }
    ).loc[ordered(found.index)]
    numbers = frame.columns[1:]
    return frame.assign(**{name: frame[name].map("{:,.2f}".format) for name in numbers}).reset_index(drop=True)


def retrieved(rows: Rows) -> pd.DataFrame:
    """What the last batch's active sets held of the exact ten, what was retrieved of them, and the full loss."""
    traces = evaluations(rows)
    last = traces.sort_values("step").drop_duplicates("key", keep="last")
    return pd.DataFrame(
        [
            {
                "system": label(method),
                "n": len(of),
                "active classes": mean_sd(of["active"], 0),
                "of the exact 10 in it (%)": mean_sd(100 * of["recall_at_10"]),
                "retrieved (%)": mean_sd(100 * of["retrieved_at_10"]),
                "full softmax loss": mean_sd(of["full_loss"], 3),
            }
            for method in ordered(last["method"])
            for of in [last[last["method"] == method]]
        ]
    )
