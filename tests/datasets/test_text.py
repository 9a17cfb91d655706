"""Corpora are cut and split to the byte; the copy task says its word twice."""

import gzip
import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

import datasets.text
from datasets.base import MissingFileError, PreparationError, UnknownDatasetError
from datasets.debian.packages import Package
from datasets.text import TextDataset, debwik8
from datasets.text.base import compressed_bits, split
from datasets.text.copy_task import MONGOOSE, REFORMER, CopyTask


@dataclass(frozen=True)
class Repeated(TextDataset):
    def make(self):
        return bytes(itertools.islice(itertools.cycle(range(200)), self.size)), {"version": "1"}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path))


def test_a_corpus_is_built_once_and_mapped():
    corpus = Repeated("example", "title", "source", "licence", 1000)
    with pytest.raises(MissingFileError, match="data get example"):
        corpus.load()
    corpus.get()
    parts = corpus.load()
    assert isinstance(parts.train, np.memmap)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [900, 50, 50]
    assert np.concatenate(list(vars(parts).values())).tobytes() == corpus.make()[0]
    assert corpus.described()["provenance"] == {"version": "1", "recipe": corpus.entry.recipe}
    corpus.verify(contents=True)


@pytest.mark.parametrize("size", [0, 1, 19, 100_000_001])
def test_a_split_loses_no_byte(size):
    parts = split(np.zeros(size, np.uint8))
    assert len(parts.train) + len(parts.validation) + len(parts.test) == size
    assert len(parts.validation) == len(parts.test) == round(size / 20)


def test_the_tiny_corpus_can_be_learned_from_what_precedes():
    """Knowing the word before, a word takes less than three bits, and a byte less than one."""
    corpus = datasets.text.get("tiny-text")
    corpus.get()
    text = corpus.load().train.tobytes()
    assert len(text) == 90_000
    assert set(text) <= set(b"etaoinshrdlu ")
    pairs = Counter(itertools.pairwise(text.split()))
    firsts = Counter(dict.fromkeys({first for first, _ in pairs}, 0))
    for (first, _), count in pairs.items():
        firsts[first] += count
    bits = -sum(count * np.log2(count / firsts[first]) for (first, _), count in pairs.items())
    assert 0.2 < bits / len(text) < 1.0
    assert corpus.described()["bits_per_byte"]["xz"] > bits / len(text)


def test_bits_a_byte_of_compressors():
    random = np.random.RandomState(0).bytes(10_000)
    found = compressed_bits(random)
    assert all(7.9 < bits < 8.3 for bits in found.values())
    assert compressed_bits(b"ab" * 5000)["entropy"] == 1
    assert compressed_bits(b"ab" * 5000)["xz"] < 0.2


def test_chunks_are_shuffled_and_cut_to_size(monkeypatch):
    monkeypatch.setattr(debwik8, "CHUNK", 3)
    mixed = debwik8.interleave([b"aaabbbccc", b"dddeee"], 14)
    assert len(mixed) == 14
    chunks = [mixed[at : at + 3] for at in range(0, 12, 3)]
    assert len(set(chunks)) == 4
    assert chunks != sorted(chunks)
    with pytest.raises(PreparationError, match="15 bytes; 16 are needed"):
        debwik8.interleave([b"aaabbbccc", b"dddeee"], 16)


def test_texts_are_taken_once(tmp_path):
    for name, content in {
        "a.rst": b"one",
        "b/c.rst.gz": gzip.compress(b"two"),
        "d.rst": b"one",
        "e.html": b"no",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert debwik8.unique_texts(tmp_path, (".rst", ".rst.gz")) == b"one\ntwo"


def test_documentation_is_found_through_its_metapackage():
    found = [
        Package("linux-doc", "", frozenset({"linux-doc-6.1"}), frozenset()),
        Package("python3-doc", "", frozenset({"python3.11-doc", "libjs-jquery"}), frozenset()),
    ]
    assert debwik8.newest("linux-doc", found) == "linux-doc-6.1"
    assert debwik8.newest("python3-doc", found) == "python3.11-doc"
    with pytest.raises(PreparationError, match="gcc-doc"):
        debwik8.newest("gcc-doc", found)


def test_an_unknown_corpus_names_those_there_are():
    assert datasets.text.get("debwik8").size == 100_000_000
    with pytest.raises(UnknownDatasetError, match="debwik8"):
        datasets.text.get("enwik9")


@pytest.mark.parametrize("task", [REFORMER, MONGOOSE, CopyTask(4, 1), CopyTask(6, 3, vary=True)])
def test_the_word_is_said_twice(task):
    tokens, asked = task.draw(300, np.random.default_rng(0))
    assert tokens.shape == asked.shape == (300, task.length)
    lengths = set()
    for row, mask in zip(tokens, asked, strict=True):
        told = row[: np.flatnonzero(row)[-1] + 1]
        half = len(told) // 2
        lengths.add(len(told))
        assert told[0] == told[half] == 0
        assert (told[1:half] == told[half + 1 :]).all()
        assert told[1:half].min() >= 1
        assert told.max() <= task.symbols
        assert np.array_equal(np.flatnonzero(mask), np.arange(half + 1, 2 * half))
    assert lengths <= (set(range(4, task.length + 1, 2)) if task.vary else {task.length})
    assert (len(lengths) > 1) == task.vary


@pytest.mark.parametrize("settings", [{"length": 2}, {"length": 7}, {"symbols": 0}])
def test_a_copy_task_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match="even length"):
        CopyTask(**settings)
