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
from reports.reader import Reader
from reports.tables import at_equal_seconds, at_equal_steps, cost, failures, precision

# %% tags=["parameters"]
quick_store = "results"
reference_exports = "reports/results"

# %%
reader = Reader("first-light", quick_store, reference_exports)

# %% [markdown]
# ## What was run
#
# Six trained methods, each with the same budget of training seconds, and two lines that need no training: the most
# frequent labels, and the labels of the ten nearest neighbours. Scores are those of the evaluation with the best
# *validation* precision; the test part is only read. n is the number of seeds.

# %%
reader.table(precision)
reader.table(cost)

# %% [markdown]
# Runs that failed are kept, with their reasons:

# %%
reader.table(failures)

# %% [markdown]
# ## After the same seconds
#
# The question of somebody who wants a model by tonight. A cheap step counts for as much as a clever one.

# %%
reader.show("precision_vs_seconds")
reader.table(at_equal_seconds)

# %% [markdown]
# ## After the same steps
#
# Take the cost of a step away, and what is left is the quality of the active set: how good a gradient the chosen
# labels give. Dense and naive LSH make few steps in their seconds, so their lines are short.

# %%
reader.show("precision_vs_steps")
reader.table(at_equal_steps)

# %% [markdown]
# ## Do codes change slowly?
#
# The observation that everything rests on. One fixed random SimHash watches all output rows; it belongs to no
# method, so that methods without tables can be compared. A whole K-bit code changes when any of its bits does, so
# it changes more often than a bit: which of the two a sentence like "1–5 % change per epoch" means matters, and
# both are shown.

# %%
reader.show("hash_change")

# %% [markdown]
# ## What updates cost
#
# Naive LSH keeps its tables true to the weights whatever it costs, SLIDE follows a schedule fixed beforehand, and
# MONGOOSE updates when its scheduler finds that codes have drifted.

# %%
reader.show("table_updates")

# %% [markdown]
# ## Do the tables find anything?
#
# A hashed active set deserves its cost only if it holds more of the labels with the largest inner products than
# random ones do.

# %%
reader.show("active_set")

# %% [markdown]
# ## Memory

# %%
reader.show("memory")


# %% [markdown]
# ## The claims
#
# Each verdict is a function of the rows above. It needs the whole 95 % interval over seeds on one side; with one
# seed, or an interval on both sides, it is *inconclusive*.


# %%
reader.claims()

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
