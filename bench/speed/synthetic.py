"""Synthetic data of a given shape: Zipf–Mandelbrot labels that say words of their own and of their topic.

Enough of a likeness for step times, which depend on sizes, on how often rows repeat within a batch and on memory; a
linear classifier can learn it. Precision on it says nothing about real data.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.speed.shapes import HIDDEN, Shape
from bench.task import Task
from datasets.base import Part, Splits
from datasets.twin.laws import Law, ask_for, counted

POINTS = 25_600  # a hundred batches; a longer run sees them again in another order
LABELS_A_TOPIC = 16
OWN_WORDS, TOPIC_WORDS = 8, 32  # words that a label, and a topic, can say
SHARES = (0.25, 0.5)  # of a point's words: a label's own, its topic's; the rest are noise

Draw = Callable[[NDArray[np.int64]], csr_matrix]  # how many entries each point asks for → what it got, without repeats


def generate(shape: Shape, seed: int = 0) -> Part:
    """Points of this shape, at most `POINTS`; means of labels and features a point within a few per cent."""
    generator = np.random.default_rng(seed)
    label_law = Law.of(0.8, 10, generator.permutation(shape.labels))
    word_law = Law.of(0.9, 20, generator.permutation(shape.features))
    points = min(shape.points, POINTS)
    labels = _with_mean(shape.labels_per_point, points, lambda asked: _labels(asked, label_law, generator), generator)
    features = _with_mean(shape.nnz, points, lambda asked: _words(asked, labels, word_law, generator), generator)
    return Part(_values(features, generator), labels)


def save(part: Part, path: Path) -> None:
    """One uncompressed .npz, which `load` reads in a fresh process."""
    features, labels = part.features, part.labels
    np.savez(
        path,
        indices=features.indices,
        data=features.data,
        indptr=features.indptr,
        label_indices=labels.indices,
        label_indptr=labels.indptr,
        columns=np.array([features.shape[1], labels.shape[1]]),
    )


def load(path: Path, name: str) -> Task:
    """The saved points, as `task_of` makes them a task."""
    with np.load(path) as file:
        num_features, num_labels = file["columns"].tolist()
        label_indices, label_indptr = file["label_indices"], file["label_indptr"]
        rows = len(label_indptr) - 1
        ones = np.ones(len(label_indices), np.float32)
        train = Part(
            csr_matrix((file["data"], file["indices"], file["indptr"]), shape=(rows, num_features)),
            csr_matrix((ones, label_indices, label_indptr), shape=(rows, num_labels)),
        )
    return task_of(train, name)


def task_of(train: Part, name: str) -> Task:
    """Points as a task; a few of them stand in for validation and test, which no step looks at."""
    few = train.take(np.arange(min(64, train.points)))
    return Task(name, Splits(train, few, few), HIDDEN)


def _with_mean(mean: float, points: int, draw: Draw, generator: Generator) -> csr_matrix:
    """Ask for so many entries a point that, repeats dropped, `mean` remain; found on the first few hundred points."""
    asked = ask_for(mean, lambda ask: draw(_lengths(ask, min(points, 400), generator)))
    return draw(_lengths(asked, points, generator))


def _lengths(mean: float, points: int, generator: Generator) -> NDArray[np.int64]:
    """[points] at least 1, of this mean."""
    return 1 + generator.poisson(max(mean - 1, 0), points)


def _labels(asked: NDArray[np.int64], law: Law, generator: Generator) -> csr_matrix:
    return _ones(asked, law.at(generator.random(int(asked.sum()))), len(law.ids))


def _words(asked: NDArray[np.int64], labels: csr_matrix, law: Law, generator: Generator) -> csr_matrix:
    """Each word is one of a label's own, one of its topic's, or noise; which label of the point says it is random."""
    total = int(asked.sum())
    point = np.repeat(np.arange(len(asked)), asked)
    start, count = labels.indptr[point], np.diff(labels.indptr)[point]
    label = labels.indices[start + (generator.random(total) * count).astype(np.int64)].astype(np.int64)
    kind = generator.random(total)
    own = _hashed(label * OWN_WORDS + generator.integers(OWN_WORDS, size=total))
    topic = _hashed(-1 - (label // LABELS_A_TOPIC) * TOPIC_WORDS - generator.integers(TOPIC_WORDS, size=total))
    said = np.where(kind < SHARES[0], own, np.where(kind < sum(SHARES), topic, generator.random(total)))
    return _ones(asked, law.at(said), len(law.ids))


def _hashed(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """A fixed number in [0, 1) for each key: which word it is need not be stored. Source: SplitMix64's finaliser."""
    z = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _ones(lengths: NDArray[np.int64], ids: NDArray[np.int64], columns: int) -> csr_matrix:
    """Rows of these lengths, laid end to end in `ids`, as [rows, columns] of ones; repeats dropped, ids ascending."""
    matrix = counted(lengths, ids, columns)
    matrix.data[:] = 1
    return matrix


def _values(features: csr_matrix, generator: Generator) -> csr_matrix:
    """Log-normal values, rows of length 1, as TF-IDF has them."""
    values = generator.lognormal(0.0, 0.5, features.nnz).astype(np.float32)
    point = np.repeat(np.arange(features.shape[0]), np.diff(features.indptr))
    norm = np.sqrt(np.bincount(point, weights=values.astype(np.float64) ** 2, minlength=features.shape[0]))
    data = (values / norm[point]).astype(np.float32)
    return csr_matrix((data, features.indices, features.indptr), shape=features.shape)
