"""Language models of bytes by attention and length, after the same seconds: over seeds."""

import pandas as pd

from bench.store import Rows
from reports.appearance import label, ordered
from reports.selection import studied
from reports.tables import mean_sd

STUDY = "byte_lm-"
COLUMNS = ["key", "seed", "trained", "length", "step", "train_s", "bits", "peak_mib"]


def at_end(rows: Rows) -> pd.DataFrame:
    """The last evaluation of each run; `method` is the form of attention, whatever the length."""
    found = studied(rows, COLUMNS).sort_values("step").drop_duplicates("key", keep="last")
    return found.assign(method=STUDY + found["trained"].astype(str), length=found["length"].astype(int))


def best(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of the form and length whose mean over seeds is lowest."""
    if found.empty:
        return found
    means = found.groupby(["method", "length"], as_index=False).agg(mean=("bits", "mean"))
    return found.merge(means.nsmallest(1, "mean")[["method", "length"]], on=["method", "length"])


def table(rows: Rows) -> pd.DataFrame:
    """A row a form and length."""
    found = at_end(rows)
    return pd.DataFrame(
        [
            {
                "trained with": label(method),
                "length": f"{length:,}",
                "n": str(len(of)),
                "steps": mean_sd(of["step"], 0),
                "seconds": mean_sd(of["train_s"], 0),
                "bits a character": mean_sd(of["bits"], 3),
                "peak MiB": mean_sd(of["peak_mib"], 0),
            }
            for method in ordered(found["method"])
            for length in sorted(set(found["length"]))
            for of in [found[(found["method"] == method) & (found["length"] == length)]]
            if len(of)
        ]
    )


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = (
        "The same bytes of the validation part are predicted, cut into sequences of the length that the model was "
        "trained on; mean ± sd over n seeds. A batch has as many bytes whatever the length. Seconds hold all but "
        "evaluation, to within a step. Peak: above what was resident before the first step."
    )
    return [("Bits a character by attention and length", caption, table(rows))]
