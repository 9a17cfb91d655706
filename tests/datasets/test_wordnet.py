"""The WordNet task from a few hand-written lines of the database, and what is promised about the shipped files."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import wordnet_build, wordnet_lemmas, xmc
from datasets.base import PreparationError
from datasets.statistics import statistics

# Invented synsets in the format of `man 5 wndb`: nouns, a satellite adjective, an adverb, a verb with a frame.
NOUN = '00000100 03 n 01 shoal 0 002 @ 00000200 n 0000 + 00000300 a 0101 | a crowd of fish; "a shoal of herring"  '
TEN = "00000200 03 n 0a " + " ".join(f"w{i} 0" for i in range(10)) + " 001 ~ 00000100 n 0000 | a crowd  "
SATELLITE = "00000300 00 s 01 shoaly 0 001 & 00000300 a 0000 | full of fish  "
VERB = "00000400 38 v 01 shoal 0 001 + 00000100 n 0101 02 + 01 00 + 02 00 | swim as fish  "
ALONE = "00000500 02 r 01 alone 0 000 | without a crowd  "
LICENCE = """Files: *
License: WordNet3.0
 Free of charge.
 .
 With this notice.

Files: debian/*
License: GPL-2+
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    words, docs = tmp_path / "usr/share/wordnet", tmp_path / "usr/share/doc/wordnet-base"
    words.mkdir(parents=True)
    docs.mkdir(parents=True)
    for name, lines in {"noun": [NOUN, TEN], "verb": [VERB], "adj": [SATELLITE], "adv": [ALONE]}.items():
        (words / f"data.{name}").write_text("\n".join(["  1 This is the licence.", *lines, ""]))
    (docs / "copyright").write_text(LICENCE)
    return tmp_path


def test_a_line_of_the_database():
    synset = wordnet_build.parse_synset(NOUN)
    assert (synset.key, synset.pointers) == ("n00000100", ("n00000200", "a00000300"))
    assert synset.gloss == 'a crowd of fish; "a shoal of herring"'


def test_a_synset_has_its_words():
    assert wordnet_build.parse_synset(NOUN).lemmas == ("shoal",)
    assert wordnet_build.parse_synset(TEN).lemmas == tuple(f"w{i}" for i in range(10))
    assert wordnet_build.parse_synset(SATELLITE.replace("shoaly 0", "Shoaly(p) 0")).lemmas == ("shoaly",)


def test_the_number_of_words_is_hexadecimal():
    assert wordnet_build.parse_synset(TEN).pointers == ("n00000100",)


def test_satellites_are_adjectives():
    assert wordnet_build.parse_synset(SATELLITE).key == "a00000300"


def test_frames_of_verbs_are_no_pointers():
    assert wordnet_build.parse_synset(VERB).pointers == ("n00000100",)


def test_the_task(package):
    points = wordnet_build.task(wordnet_build.read_synsets(package / "usr/share/wordnet"))
    # words in two glosses: crowd, fish, of; named synsets: a00000300, n00000100, n00000200; `alone` names none
    np.testing.assert_array_equal(points.features.toarray(), [[1, 1, 2], [1, 0, 0], [0, 1, 0], [0, 1, 1]])
    np.testing.assert_array_equal(points.labels.toarray(), [[1, 0, 1], [0, 1, 0], [0, 1, 0], [1, 0, 0]])


def test_the_words_of_a_synset_and_of_its_relations_are_labels_too(package):
    points = wordnet_lemmas.lemmas.task(wordnet_build.read_synsets(package / "usr/share/wordnet"))
    # alone, shoal, shoaly, w0 … w9; the adverb names no synset, but it has itself
    assert points.labels.toarray().sum(1).tolist() == [12, 11, 1, 1, 1]
    assert points.features.shape == (5, 3)  # crowd, fish, of


def test_building_twice_gives_the_same_bytes(package, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    wordnet_build.write(package, first)
    wordnet_build.write(package, second)
    files = sorted(path.name for path in first.iterdir())
    assert files == ["LICENSE.txt", "test.txt.xz", "train.txt.xz", "validation.txt.xz"]
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    assert (first / "LICENSE.txt").read_text() == "Free of charge.\n\nWith this notice.\n"
    assert xmc.read(first / "train.txt.xz").points + xmc.read(first / "test.txt.xz").points == 4


def test_the_split_is_by_frozen_permutations():
    part = datasets.get("tiny").load().train
    splits = wordnet_build.split(part)
    assert (splits.train.points, splits.validation.points, splits.test.points) == (428, 22, 150)
    drawn = np.sort(np.random.RandomState(0).permutation(600)[:150])
    assert (splits.test.features != part.features[drawn]).nnz == 0


def test_without_apt_rebuilding_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreparationError, match="no apt-get here"):
        wordnet_build.build(tmp_path)


def test_a_rebuild_is_compared_file_by_file(monkeypatch):
    shipped = datasets.get("wordnet")

    def build(destination: Path) -> None:
        shutil.copytree(shipped.folder, destination, dirs_exist_ok=True)
        (destination / "LICENSE.txt").write_text("something else")

    monkeypatch.setattr(wordnet_build, "build", build)
    matches = shipped.rebuild_matches()
    assert matches == {"train.txt.xz": True, "validation.txt.xz": True, "test.txt.xz": True, "LICENSE.txt": False}


def test_the_shipped_data_are_as_sparse_as_promised():
    found = statistics(datasets.get("wordnet").load())
    assert found["nnz_per_point"] == pytest.approx(10.5, abs=0.1)
    assert found["labels_per_point"] == pytest.approx(3.1, abs=0.05)
    assert found["most_frequent_share"] == pytest.approx(0.006, abs=0.0005)
