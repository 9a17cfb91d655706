"""Which forms of attention learn to copy: what the study of copying measured, over seeds."""

import pandas as pd

from bench.store import Rows
from reports.appearance import label, ordered
from reports.interval import Interval, interval
from reports.selection import studied
from reports.tables import mean_sd

STUDY = "copying-"
COLUMNS = ["key", "seed", "trained", "evaluated", "step", "train_s", "loss", "held_out", "accuracy", "mass", "fits"]
JUDGED = ("lsh_1", "lsh_2", "lsh_4", "lsh_8", "random_4", "topk_1", "full")


def measured(rows: Rows) -> pd.DataFrame:
    """A row a run, evaluation, and form of attention that the weights were judged under."""
    return studied(rows, COLUMNS)


def at_end(rows: Rows) -> pd.DataFrame:
    """The same at the last evaluation of each run."""
    found = measured(rows)
    return found[found["step"] == found.groupby("key")["step"].transform("max")]


def as_trained(rows: Rows) -> pd.DataFrame:
    """Evaluations under the attention that the model was trained with; `method` is what figures know it by."""
    found = measured(rows)
    return found[found["trained"] == found["evaluated"]].assign(method=STUDY + found["trained"].astype(str))


def accuracy(rows: Rows, trained: str) -> Interval:
    """Of the copied symbols told right at the end, as trained: mean over seeds."""
    found = at_end(rows)
    return interval(found.loc[(found["trained"] == trained) & (found["evaluated"] == trained), "accuracy"])


def grid(rows: Rows, what: str) -> pd.DataFrame:
    """A percentage at the end: a row an attention to train with, a column one to judge by; and as it was trained."""
    found = at_end(rows)
    own = found[found["trained"] == found["evaluated"]].assign(evaluated="as trained")
    every = pd.concat([own, found[found["evaluated"].isin(JUDGED)]])
    return pd.DataFrame([_row(trained, every[every["trained"] == trained], what) for trained in _order(found)])


def _row(trained: str, of: pd.DataFrame, what: str) -> dict[str, str]:
    cells = {form: mean_sd(100 * of.loc[of["evaluated"] == form, what], 1) for form in ("as trained", *JUDGED)}
    names = {form: "as trained" if form == "as trained" else label(STUDY + form) for form in cells}
    return {"trained with": label(STUDY + trained), "n": str(of["seed"].nunique())} | {
        names[form]: cell for form, cell in cells.items()
    }


def costs(rows: Rows) -> pd.DataFrame:
    """Steps, seconds and fits of each form, and where it ended."""
    found = at_end(rows)
    own = found[found["trained"] == found["evaluated"]]
    return pd.DataFrame(
        [
            {
                "trained with": label(STUDY + trained),
                "n": str(len(of)),
                "steps": mean_sd(of["step"], 0),
                "seconds": mean_sd(of["train_s"], 0),
                "fits of rotations": mean_sd(of["fits"], 0),
                "loss (nats a symbol)": mean_sd(of["held_out"], 3),
            }
            for trained in _order(found)
            for of in [own[own["trained"] == trained]]
        ]
    )


def _order(found: pd.DataFrame) -> list[str]:
    return [method.removeprefix(STUDY) for method in ordered(STUDY + found["trained"].astype(str))]


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    told = "of the symbols of the second w, in sequences never trained on; at the end; mean ± sd over n seeds"
    judged = (
        "Columns judge the same weights under other attention: LSH with new random functions, buckets by lot, as many "
        "positions as are within reach of one round but the best, or all."
    )
    kept = (
        "Seconds hold hashing, asking policies, mining and fits; no evaluation; of one thread, and runs side by side "
        "(--jobs) slow one another."
    )
    reach = "Percent of the attention that exact attention pays to its best 8 positions"
    return [
        ("Accuracy: rounds of training by rounds of evaluation", f"Percent {told}. {judged}", grid(rows, "accuracy")),
        ("Attention within reach", f"{reach}, {told}.", grid(rows, "mass")),
        ("Cost", kept, costs(rows)),
    ]
