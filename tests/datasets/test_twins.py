"""A twin has the statistics that it names, whatever its size; labels have kin, and words that are theirs."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import datasets
from bench.baselines import scores_of
from bench.metrics import inverse_propensity
from datasets.base import Sizes
from datasets.statistics import statistics
from datasets.twin import labels
from datasets.twin.base import Twin
from datasets.twin.labels import BRANCH, LEAF, Missing, Tree
from datasets.twin.laws import Law, ask_for, counted, distinct, zipf_mandelbrot
from datasets.twin.words import Vocabulary

NAMES = [name for name in datasets.names() if isinstance(datasets.get(name), Twin)]
SMALL = Sizes(train=3_800, validation=200, test=1_000, features=20_000, labels=3_000)


@pytest.fixture
def generator() -> np.random.RandomState:
    return np.random.RandomState(0)


def small(name: str = "amazon-670k-twin") -> Twin:
    found = datasets.get(name)
    assert isinstance(found, Twin)
    return replace(found, name="small", sizes=SMALL)


def test_the_papers_four_sets_have_twins_of_their_size():
    assert {name.removesuffix("-missing") for name in NAMES} == {
        f"{name}-twin" for name in ("wiki10-31k", "delicious-200k", "wikilshtc-325k", "amazon-670k")
    }
    for name in NAMES:
        twin = datasets.get(name)
        assert isinstance(twin, Twin)
        assert twin.sizes == datasets.get(twin.of).sizes


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_those_that_were_asked_for(name):
    twin = small(name)
    splits, provenance = twin.make()
    found = statistics(splits)
    assert found["nnz_per_point"] == pytest.approx(twin.nnz, rel=0.05)
    assert found["labels_per_point"] == pytest.approx(twin.labels_per_point, rel=0.1)
    assert (found["train"], found["validation"], found["test"]) == (SMALL.train, SMALL.validation, SMALL.test)
    assert splits.train.labels.shape[1] == SMALL.labels
    assert provenance["seed"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_matrices_are_well_formed_and_every_label_has_a_training_point(name):
    splits, _ = small(name).make()
    assert len(np.unique(splits.train.labels.indices)) == SMALL.labels
    for part in vars(splits).values():
        for matrix in (part.features, part.labels):
            matrix.check_format(full_check=True)
            assert matrix.has_canonical_format
            assert np.diff(matrix.indptr).min() > 0
        np.testing.assert_allclose(np.sqrt(part.features.multiply(part.features).sum(axis=1)), 1, atol=1e-5)
        assert (part.labels.data == 1).all()


def test_the_same_seed_gives_the_same_set():
    one, other = (small().make()[0] for _ in range(2))
    assert (one.train.features != other.train.features).nnz == 0
    assert (one.test.labels != other.test.labels).nnz == 0


def test_a_twin_is_neither_hopeless_nor_solved_by_its_neighbours():
    """Of the sets themselves, tests/reports/test_sheets.py asks the same."""
    found = scores_of(small().make()[0], 500, (0.6, 2.6))
    assert found["most frequent"]["p_at_1"] + 0.1 < found["10-NN"]["p_at_1"] < 0.9


def test_further_labels_are_kin_as_often_as_was_said(generator):
    tree = Tree.of(20_000, 0.5, 200, (0.5, 0.2), generator)
    first = tree.first(100_000, generator)
    further = tree.further(first, generator)
    same_leaf, same_branch = (first // size == further // size for size in (LEAF, BRANCH))
    chance = BRANCH / 20_000  # that one of anywhere is of the same branch
    assert same_leaf.mean() == pytest.approx(0.5 + 0.2 / 16, abs=0.01)
    assert same_branch.mean() == pytest.approx(0.7 + 0.3 * chance, abs=0.02)
    assert further.min() >= 0
    assert further.max() < 20_000


def test_labels_are_as_frequent_as_their_law_says(generator):
    share = zipf_mandelbrot(100, 1.0, 3)
    tree = Tree.of(100, 1.0, 3, (0.5, 0.2), generator)
    found = np.sort(np.bincount(tree.first(400_000, generator), minlength=100) / 400_000)[::-1]
    np.testing.assert_allclose(found, share, atol=4 * np.sqrt(share[0] / 400_000))


def test_half_of_what_is_true_is_told_and_of_rare_labels_less(generator):
    tree = Tree.of(2_000, 1.0, 3, (0.5, 0.2), generator)
    drawn = labels.draw(tree, 12_000, np.arange(10_000), 4.0, Missing(0.55, 1.5), generator)
    assert drawn.told.nnz == (drawn.told.multiply(drawn.true)).nnz
    assert drawn.told.nnz / 12_000 == pytest.approx(4.0, rel=0.05)
    assert drawn.told.nnz / drawn.true.nnz == pytest.approx(0.5, abs=0.05)
    true, told = (np.bincount(matrix.indices, minlength=2_000) for matrix in (drawn.true, drawn.told))
    often = np.argsort(-true)
    kept = [told[rows].sum() / true[rows].sum() for rows in (often[:20], often[-1000:])]
    assert kept[0] > kept[1] + 0.15


def test_probabilities_are_propensities_to_scale():
    frequency = np.array([1, 5, 100, 10_000])
    missing = Missing(0.6, 2.6, share=0.5)
    told = missing.told(frequency.astype(float), 490_449)
    propensity = 1 / inverse_propensity(frequency, 490_449, 0.6, 2.6)
    np.testing.assert_allclose(told / propensity, (told / propensity)[0])  # none is certain here
    assert (told * frequency).sum() / frequency.sum() == pytest.approx(0.5)
    assert replace(missing, share=0.999).told(frequency.astype(float), 490_449).max() == 1


def test_an_unknown_label_is_told_where_it_is_true(generator):
    true = labels._ones(np.array([0 * 4 + 1, 1 * 4 + 2, 2 * 4 + 0]), 3, 4)
    told = labels._ones(np.array([0 * 4 + 1]), 3, 4)
    drawn = labels.Drawn(np.array([1, 2, 0]), true, told)
    found = labels._covered(drawn, np.array([0, 1]), generator)
    np.testing.assert_array_equal(found.told.toarray()[1:, [2]], [[1], [0]])  # of points 0 and 1 it is true of 1 only
    assert found.told[:2].sum(axis=0).min() == 1
    assert found.told.nnz == 4  # labels 0 and 3 are true of neither, and go to one of their leaf
    assert (found.told > found.true).nnz == 0


def test_words_are_of_the_label_its_leaf_and_its_branch(generator):
    """With one source of words at a time, each point says words of that source alone."""
    first = np.arange(0, 2_000, 7)
    own = labels._ones(np.arange(len(first)) * 2_000 + first, len(first), 2_000)
    lengths = np.full(len(first), 30)
    for number, size in enumerate((1, LEAF, BRANCH)):
        shares = tuple(float(kind == number) for kind in range(3))
        vocabulary = Vocabulary.of(50_000, 2_000, shares, generator)
        said = vocabulary.say(first, own, lengths, generator)
        topic = (vocabulary.own, vocabulary.leaf, vocabulary.branch)[number]
        assert said.sum() == 30 * len(first)
        for row, label in enumerate(first):
            assert set(said[row].indices) <= set(topic[label // size].tolist())


def test_counts_are_those_of_the_definition(generator):
    lengths = np.array([0, 3, 0, 5, 1, 0])
    ids = generator.randint(4, size=9)
    found = counted(lengths, ids, 4)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    expected = [np.bincount(ids[start:stop], minlength=4) for start, stop in pairwise(ends)]
    np.testing.assert_array_equal(found.toarray(), expected)
    found.check_format(full_check=True)


@pytest.mark.parametrize("keys", [[], [0], [5, 5, 5], [3, 0, 3, 9, 0]])
def test_distinct_keys_rise(keys):
    np.testing.assert_array_equal(distinct(np.array(keys, np.int64)), np.unique(keys))


@pytest.mark.parametrize("n", [1, 7, 1_000, 2_000_000])
def test_the_law_draws_head_and_tail_as_often_as_it_says(generator, n):
    law = Law.of(1.0, 31, generator.permutation(n))
    rank = np.empty(n, np.int64)
    rank[law.ids] = np.arange(n)
    drawn = rank[law.draw((400_000,), generator)]
    for low, high in ((0, n // 1000 + 1), (n // 2, n), (n - n // 100 - 1, n)):
        share = zipf_mandelbrot(n, 1.0, 31)[low:high].sum()
        found = ((drawn >= low) & (drawn < high)).mean()
        assert found == pytest.approx(share, abs=5 * np.sqrt(share / 400_000))


def test_the_guide_changes_nothing(generator):
    law = Law.of(1.0, 31, generator.permutation(50_000))
    state = generator.get_state()
    drawn = law.draw((100_000,), generator)
    generator.set_state(state)
    np.testing.assert_array_equal(drawn, law.at(generator.random_sample(100_000)))


def test_asking_for_more_until_enough_remain(generator):
    def trial(ask):
        lengths = generator.poisson(ask, 1_000)
        return counted(lengths, generator.randint(20, size=lengths.sum()), 20)

    assert trial(ask_for(10.0, trial)).nnz / 1_000 == pytest.approx(10, rel=0.03)
