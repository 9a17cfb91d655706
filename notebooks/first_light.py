# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # First light: does hashing help when there are 113,595 labels?
#
# A classifier with very many labels spends nearly all of its time in the last layer: the dense softmax scores every
# label at every step. **Sampled softmax** scores the true labels and some random others. **LSH training** (SLIDE,
# MONGOOSE) looks up the others in hash tables, so that they are the labels the network confuses with the true ones.
# But the weights move while they train, and then the tables are out of date. MONGOOSE's idea: codes change
# *slowly*, so update the tables *seldom*, when a scheduler notices that it is time, and let the hash functions
# learn.
#
# This notebook asks whether that pays, on a data set one can have on any machine. It reads stored rows only:
# nothing is trained or timed here.

# %%
from pathlib import Path

from IPython.display import HTML, Image, Markdown, display

from bench.store import Rows, Store, StoreError, read_export
from reports.claims.base import judge_run
from reports.figures.base import discover, missing, render
from reports.selection import current, settings
from reports.tables import at_equal_seconds, at_equal_steps, cost, failures, precision

# %% tags=["parameters"]
quick_store = "results"
reference_export = "reports/results/wordnet"


# %%
def stored() -> dict[str, Rows]:
    """The reader's own rows and the committed ones, each where there are any."""
    found = {}
    if (Path(quick_store) / "runs.sqlite").exists():
        found["this machine"] = Store(Path(quick_store)).rows()
    try:
        found["committed reference"] = read_export(Path(reference_export))
    except StoreError:
        display(Markdown("*There are no committed reference rows: only this machine's are shown.*"))
    found = {name: current(rows.where(experiment="first-light")) for name, rows in found.items()}
    return {name: rows for name, rows in found.items() if len(rows.runs)}


origins = stored()
cases = [(f"{name}: {setting}", part) for name, rows in origins.items() for setting, part in settings(rows)]
if not cases:
    display(Markdown("**No rows at all.** `python -m bench reproduce first-light --scale quick` makes some."))


# %%
def show(name: str) -> None:
    """One figure for each case, with what is missing from it."""
    figure = next(figure for figure in discover() if figure.name == name)
    display(Markdown(f"*{figure.asks}*"))
    for title, rows in cases:
        lacking = missing(figure, rows, figure.data(rows))
        display(Markdown(f"**{title}**" + (f": missing: {'; '.join(lacking)}" if lacking else "")))
        display(Image(render(figure, rows), width=900, alt=f"{figure.title}, {title}"))


def show_table(make) -> None:
    """One table for each case."""
    for title, rows in cases:
        frame = make(rows)
        display(
            Markdown(f"**{title}**"), HTML(frame.to_html(index=False, border=0)) if len(frame) else Markdown("none")
        )


# %% [markdown]
# ## What was run
#
# Six trained methods, each with the same budget of training seconds, and two lines that need no training: the most
# frequent labels, and the labels of the ten nearest neighbours. Scores are those of the evaluation with the best
# *validation* precision; the test part is only read. n is the number of seeds.

# %%
show_table(precision)
show_table(cost)

# %% [markdown]
# Runs that failed are kept, with their reasons:

# %%
show_table(failures)

# %% [markdown]
# ## After the same seconds
#
# The question of somebody who wants a model by tonight. A cheap step counts for as much as a clever one.

# %%
show("precision_vs_seconds")
show_table(at_equal_seconds)

# %% [markdown]
# ## After the same steps
#
# Take the cost of a step away, and what is left is the quality of the active set: how good a gradient the chosen
# labels give. Dense and naive LSH make few steps in their seconds, so their lines are short.

# %%
show("precision_vs_steps")
show_table(at_equal_steps)

# %% [markdown]
# ## Do codes change slowly?
#
# The observation that everything rests on. One fixed random SimHash watches all output rows; it belongs to no
# method, so that methods without tables can be compared. A whole K-bit code changes when any of its bits does, so
# it changes more often than a bit: which of the two a sentence like "1–5 % change per epoch" means matters, and
# both are shown.

# %%
show("hash_change")

# %% [markdown]
# ## What updates cost
#
# Naive LSH keeps its tables true to the weights whatever it costs, SLIDE follows a schedule fixed beforehand, and
# MONGOOSE updates when its scheduler finds that codes have drifted.

# %%
show("table_updates")

# %% [markdown]
# ## Do the tables find anything?
#
# A hashed active set deserves its cost only if it holds more of the labels with the largest inner products than
# random ones do.

# %%
show("active_set")

# %% [markdown]
# ## Memory

# %%
show("memory")


# %% [markdown]
# ## The claims
#
# Each verdict is a function of the rows above. It needs the whole 95 % interval over seeds on one side; with one
# seed, or an interval on both sides, it is *inconclusive*.


# %%
def claims(rows: Rows):
    """Words, published value, ours and verdict."""
    return judge_run(rows)[["words", "source", "paper", "ours", "verdict", "reason"]]


show_table(claims)

# %% [markdown]
# ## Limits
#
# - The data set is not one of the papers': its labels are many, but its texts are short and most labels have few
#   examples.
# - The methods are our own implementations; the authors' drivers for this part of MONGOOSE were never released.
# - Equal seconds on a CPU say nothing about a GPU, where a dense product is far cheaper in proportion.
# - A few seeds give wide intervals. The quick scale has one, and so concludes nothing: it shows that the pipeline
#   runs.
# - Hyperparameters were not tuned for each method separately with equal effort unless the configuration says so.
