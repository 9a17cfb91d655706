"""Language models of bytes: bits a character of each form of attention, over seeds."""

import pandas as pd

from bench.store import Rows
from reports.appearance import label, ordered
from reports.curves import at, common_range, curves
from reports.interval import Interval, interval
from reports.selection import studied
from reports.tables import NOTHING, mean_sd

STUDY = "byte_lm-"
LAYERS = ["key", "seed", "trained", "evaluated", "step", "layer", "mass", "changed"]
COLUMNS = ["key", "seed", "trained", "evaluated", "step", "train_s", "loss", "bits", "mass", "fits", "peak_mib"]


def measured(rows: Rows) -> pd.DataFrame:
    """A row a run, evaluation and form that the weights were judged under; `method` is the form trained with."""
    found = studied(rows, COLUMNS).dropna(subset="bits")
    return found.assign(method=STUDY + found["trained"].astype(str))


def as_trained(rows: Rows) -> pd.DataFrame:
    """Those under the attention that the model was trained with."""
    found = measured(rows)
    return found[found["trained"] == found["evaluated"]]


def at_end(rows: Rows) -> pd.DataFrame:
    """The last evaluation of each run, under every form."""
    found = measured(rows)
    return found[found["step"] == found.groupby("key")["step"].transform("max")]


def saved(rows: Rows, rounds: int, axis: str) -> Interval:
    """Bits that learned rotations save over random ones of as many rounds: mean over the seeds that have both.

    Args:
        axis: "step" or "train_s": at the end that all runs of both reach.
    """
    found = as_trained(rows)
    both = [curves(found, f"{STUDY}{form}_{rounds}", axis, "bits") for form in ("lsh", "mongoose")]
    end = min(common_range(one)[1] for one in both)
    random, learned = (at(one, end) for one in both)
    return interval((random - learned).dropna())


def layers(rows: Rows) -> pd.DataFrame:
    """A row a run, evaluation, form that the weights were judged under, and layer of attention."""
    found = studied(rows, LAYERS).dropna(subset="layer")
    return found.assign(method=STUDY + found["trained"].astype(str), layer=found["layer"].astype(int))


def by_layer(rows: Rows) -> pd.DataFrame:
    """Early and at the end: what each layer had within reach, and how many of its codes changed, in percent."""
    found = layers(rows)
    moments = sorted(set(found["step"]))[1:]  # at the first there is nothing to compare with
    shown = found[found["step"].isin(moments[:1] + moments[-1:])]
    return pd.DataFrame(
        [
            _layer(method, layer, shown[(shown["method"] == method) & (shown["layer"] == layer)])
            for method in ordered(shown["method"])
            for layer in sorted(set(shown["layer"]))
        ]
    )


def _layer(method: str, layer: int, of: pd.DataFrame) -> dict[str, str]:
    own, random = of[of["trained"] == of["evaluated"]], of[of["evaluated"].str.startswith("lsh")]
    shown = (
        (own, "mass", "within reach"),
        (random, "mass", "of new random functions"),
        (own, "changed", "codes changed"),
    )
    cells = {
        f"{words}, step {step:,} (%)": mean_sd(100 * frame.loc[frame["step"] == step, column], 1)
        for frame, column, words in shown
        for step in sorted(set(of["step"]))
    }
    return {"trained with": label(method), "layer": str(layer + 1), "n": str(own["seed"].nunique())} | cells


def table(rows: Rows) -> pd.DataFrame:
    """Bits a character after equal steps, after equal seconds, and under other attention; what is within reach."""
    found, own = at_end(rows), as_trained(rows)
    methods = ordered(own["method"])
    end = min((common_range(curves(own, method, "train_s", "bits"))[1] for method in methods), default=0.0)
    return pd.DataFrame([_row(method, found[found["method"] == method], own, end) for method in methods])


def _row(method: str, found: pd.DataFrame, own: pd.DataFrame, end: float) -> dict[str, str]:
    by_seed = curves(own, method, "train_s", "bits")
    own_end = found[found["trained"] == found["evaluated"]]
    random = found[found["evaluated"].str.startswith("lsh") & found["trained"].str.startswith(("lsh", "mongoose"))]
    within = end >= common_range(by_seed)[0]
    return {
        "trained with": label(method),
        "n": str(len(own_end)),
        "bits at equal steps": mean_sd(own_end["bits"], 3),
        f"bits at {end:,.0f} s": mean_sd(at(by_seed, end), 3) if within else NOTHING,
        "bits, new random functions": mean_sd(random["bits"], 3),
        "bits, under full attention": mean_sd(found.loc[found["evaluated"] == "full", "bits"], 3),
        "within reach (%)": mean_sd(100 * own_end["mass"], 1),
        "of new random functions (%)": mean_sd(100 * random["mass"], 1),
        "seconds": mean_sd(own_end["train_s"], 0),
        "peak MiB": mean_sd(own_end["peak_mib"], 0),
        "fits": mean_sd(own_end["fits"], 0),
    }


def tables(rows: Rows) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    caption = (
        "Bits a character of the validation part, mean ± sd over n seeds; the equal seconds are those of the fastest "
        "form's end. Within reach: percent of the attention that exact attention pays to its best 8 positions. Seconds "
        "hold hashing, asking policies, mining and fits; no evaluation; of one thread, and runs side by side (--jobs) "
        "slow one another. Peak: above what was resident before the first step."
    )
    deep = (
        "Codes changed: of the same text, since the evaluation before, both moments hashed by the functions of the "
        "later one, so that weights alone count; where none are kept, by four random rotations, always the same."
    )
    return [("Bits a character by attention", caption, table(rows)), ("Layer by layer", deep, by_layer(rows))]
