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
# # Does LSH pay?
#
# A sampled softmax trains on the true labels and on some others, the *negatives*. LSH training looks the negatives
# up in hash tables, so that they are those which the network confuses with the true ones. Looking up costs time. The
# rivals that decide whether it is worth that time are not the dense softmax, which anything beats on hundreds of
# thousands of labels, but the cheap ways to get negatives:
#
# - **drawn at random**, uniformly or by frequency^0.75, few or many, with and without a correction of the logits for
#   how probable it was to draw them;
# - **the labels of the batch** alone;
# - **the hardest of a random pool**: score some thousands of random labels and keep each sample's best. Hard negatives,
#   but no tables.
#
# An **oracle** that scores every label shows how much better negatives could get.
#
# Runs count steps. What a step of each system costs is measured by itself, all systems by turns in one process, and
# seconds are steps times costs: so the comparison does not depend on what else a machine was doing. This notebook reads
# stored rows only: nothing is trained or timed here.

# %%
from reports.question import cost, in_short, retrieved
from reports.reader import Reader
from reports.tables import failures, precision

# %% tags=["parameters"]
quick_store = "results"
reference_exports = "reports/results"

# %%
reader = Reader("question", quick_store, reference_exports)

# %% [markdown]
# ## The verdict
#
# *Reproduced* means ahead of every rival at equal seconds, by more than a 95 % interval over seeds; *partly*, at equal
# steps only. The tables must also find something: at least a tenth of each query's exact ten best.

# %%
reader.claims()

# %% [markdown]
# ## At equal seconds

# %%
reader.show("question_seconds")

# %% [markdown]
# ## At equal steps
#
# What is left when the cost of a step is taken away: how much the negatives teach.

# %%
reader.show("question_steps")

# %% [markdown]
# ## Rival by rival
#
# Each is met where the shorter of the two curves ends, at equal seconds and at equal steps. The lead is MONGOOSE's, in
# points of test P@1, with its 95 % interval.

# %%
reader.table(in_short)

# %% [markdown]
# ## What a step costs
#
# Milliseconds. MONGOOSE and the pool retrieve for one batch in four; the others of their steps have random negatives
# alone. Updates of the tables, with mining and fitting, are shared out over the steps between two of them.

# %%
reader.table(cost)

# %% [markdown]
# ## What was retrieved
#
# Shares of each query's exact ten largest scores, at the last evaluation: in the active set of its batch, and among
# what was retrieved for it.

# %%
reader.table(retrieved)

# %% [markdown]
# ## Scores on test points
#
# The evaluation with the best *validation* precision of each run, on 16,384 points of the test part.

# %%
reader.table(precision)

# %% [markdown]
# Runs that failed are kept, with their reasons:

# %%
reader.table(failures)

# %% [markdown]
# ## Limits
#
# - One network (128 hidden units), one optimiser and one learning rate for all.
# - How often to retrieve, how many random negatives go with it, and how much a retrieved one weighs were chosen on the
#   validation part of one of these sets, with one seed. The random rivals' numbers of negatives and corrections are all
#   shown; the pool was given the settings of MONGOOSE.
# - Costs are those of two CPU threads. On a GPU a product with many random rows is cheaper in proportion.
# - Systems that were not in reach of the best were trained for fewer steps.
