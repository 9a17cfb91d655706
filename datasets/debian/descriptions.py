"""Descriptions of Debian's packages as points: their words → debtags, or the packages that they depend on."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasets import counts, tfidf
from datasets.base import Part, Splits
from datasets.built import BuiltDataset
from datasets.debian import apt, packages

MIN_DOCUMENTS = 2  # a word of one description only cannot generalise


@dataclass(frozen=True)
class DebianDescriptions(BuiltDataset):
    """Description → tags or depends. head: labels of more than this share of the points are left out."""

    labels: Literal["tags", "depends"] = "tags"
    head: float = 1.0
    made_by: ClassVar = (sys.modules[__name__], apt, packages, counts, tfidf)

    def parameters(self) -> Mapping[str, Any]:
        return {"labels": self.labels, "head": self.head}

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            indices = apt.fetch(Path(folder), contents=False)
            found = packages.read_packages(indices)
            return tfidf.tfidf(counts.split(self.task(found))), packages.provenance(indices)

    def task(self, found: list[packages.Package]) -> Part:
        """Points in the order of the packages."""
        features = counts.incidence((counts.words(package.description) for package in found), MIN_DOCUMENTS)
        named = counts.incidence((getattr(package, self.labels) for package in found), 1)
        points = int((np.diff(named.indptr) > 0).sum())
        kept = np.flatnonzero(counts.document_frequency(named) <= self.head * points)
        return counts.usable(Part(features, counts.keep_columns(named, kept.astype(np.int32))))
