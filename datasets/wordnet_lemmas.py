"""WordNet: from a synset's gloss to the words of the synset and of those that it is related to.

Beside the shipped set a task with more labels a point (7.6) and 147,306 labels, most of them of few points.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datasets import counts, tfidf, wordnet_build
from datasets.base import Part, Sizes, Splits
from datasets.built import BuiltDataset
from datasets.debian import apt
from datasets.wordnet_build import MIN_DOCUMENTS, PACKAGE, Synset


class WordNetLemmas(BuiltDataset):
    """Built from Debian's package wordnet-base."""

    made_by: ClassVar = (sys.modules[__name__], wordnet_build, apt, counts, tfidf)

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            indices = apt.fetch(Path(folder), contents=False)
            root = indices.unpack(PACKAGE)
            synsets = wordnet_build.read_synsets(root / "usr/share/wordnet")
        return tfidf.tfidf(counts.split(self.task(synsets))), indices.provenance() | {"package": root.name}

    def task(self, synsets: Sequence[Synset]) -> Part:
        """Points in the order of the synsets."""
        lemmas = {synset.key: synset.lemmas for synset in synsets}
        labels = ({*synset.lemmas, *(word for key in synset.pointers for word in lemmas[key])} for synset in synsets)
        features = counts.incidence((counts.words(synset.gloss) for synset in synsets), MIN_DOCUMENTS)
        return counts.usable(Part(features, counts.incidence(labels, 1)))


lemmas = WordNetLemmas(
    name="wordnet-lemmas",
    title="WordNet 3.0, gloss to the words of the synset and of related ones",
    source=f"WordNet 3.0, Princeton University, from Debian's package {PACKAGE}",
    licence="WordNet 3.0 licence: free use, copying and distribution with its notice",
    sizes=Sizes(train=83_708, validation=4_406, test=29_372, features=33_495, labels=147_306),
    how="A point is a synset: the words of its gloss (tf-idf), and as labels all words (lemmas) of the synset and of "
    "the synsets that its pointers lead to.",
    cautions=(
        "A gloss may use the very words that are its labels.",
        "Related synsets share labels, and a random split puts them on both sides.",
    ),
    drift=0.02,
)
