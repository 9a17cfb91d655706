"""A twin: a synthetic set with the sizes and the statistics of a real one."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datasets import counts, tfidf
from datasets.base import Part, Splits
from datasets.built import BuiltDataset
from datasets.twin import labels, laws, words
from datasets.twin.labels import Missing, Tree
from datasets.twin.words import Vocabulary

SEED = 0


@dataclass(frozen=True)
class Twin(BuiltDataset):
    """Drawn from a fixed seed.

    Attributes:
        of: the real set. nnz: mean features a point, log-normal with `sigma`. labels_per_point: their mean.
        law: exponent and shift of the Zipf–Mandelbrot frequencies of points' first labels.
        kin: shares of a point's further labels that are of its first one's leaf, and of its branch.
        shares: of a point's words that are a label's own, its leaf's, its branch's; the rest says nothing.
        missing: how labels are lost, if they are.
    """

    of: str = ""
    nnz: float = 1.0
    sigma: float = 0.5
    labels_per_point: float = 1.0
    law: tuple[float, float] = (1.0, 1.0)
    kin: tuple[float, float] = (0.5, 0.2)
    shares: tuple[float, float, float] = (0.2, 0.2, 0.2)
    missing: Missing | None = None
    made_by: ClassVar = (sys.modules[__name__], labels, laws, words, counts, tfidf)

    @property
    def target(self) -> dict[str, float]:
        """The statistics of the real set, of the same share of its points."""
        per_label = self.labels_per_point * self.sizes.train / self.sizes.labels
        return {
            "nnz_per_point": self.nnz,
            "labels_per_point": self.labels_per_point,
            "points_per_label": per_label,
        }

    def parameters(self) -> Mapping[str, Any]:
        settings = ("sizes", "nnz", "sigma", "labels_per_point", "law", "kin", "shares", "missing")
        return {name: getattr(self, name) for name in settings}

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        generator = np.random.RandomState(SEED)  # its stream is frozen across numpy's versions
        known = self.sizes.train + self.sizes.validation
        train, validation = counts.held_out(known)
        test = np.arange(known, known + self.sizes.test)
        tree = Tree.of(self.sizes.labels, *self.law, self.kin, generator)
        drawn = labels.draw(tree, known + len(test), train, self.labels_per_point, self.missing, generator)
        vocabulary = Vocabulary.of(self.sizes.features, self.sizes.labels, self.shares, generator)
        points = Part(words.draw(vocabulary, drawn.first, drawn.true, self.nnz, self.sigma, generator), drawn.told)
        splits = Splits(points.take(train), points.take(validation), points.take(test))
        return tfidf.tfidf(splits), {"seed": SEED, "told of true labels": drawn.told.nnz / drawn.true.nnz}
