"""WordNet: from a synset's gloss to the synsets that it is related to. Shipped, so that it is always there.

116,477 points and 113,595 labels, 3.1 labels a point and 2.7 training points a label: as sparse as Amazon-670K.
The files hold raw word counts; `load` weighs them. How they were made, reproducibly, is `datasets.wordnet_build`.
"""

import tempfile
from pathlib import Path

from datasets import wordnet_build, xmc
from datasets.base import Dataset, Sizes, Splits
from datasets.compressed import opened
from datasets.tfidf import tfidf


class WordNet(Dataset):
    """Three XMC files of word counts."""

    def read(self) -> Splits:
        parts = (xmc.read(self.folder / f"{name}.txt.xz") for name in ("train", "validation", "test"))
        return tfidf(Splits(*parts))

    def rebuild_matches(self) -> dict[str, bool]:
        """Build again from Debian's package; for each file, whether its content is the shipped one.

        Contents are compared uncompressed: another version of liblzma may pack the same text into other bytes.
        """
        with tempfile.TemporaryDirectory() as folder:
            wordnet_build.build(Path(folder))
            return {file: _content(Path(folder) / file) == _content(self.folder / file) for file in self.sha256}


def _content(path: Path) -> bytes:
    with opened(path) as file:
        return file.stream.read()


dataset = WordNet(
    name="wordnet",
    title="WordNet 3.0, gloss to related synsets",
    source="WordNet 3.0, Princeton University (wordnet.princeton.edu), from Debian's package wordnet-base 1:3.0-37",
    licence="WordNet 3.0 licence: free use, copying and distribution with its notice (in data/wordnet/LICENSE.txt)",
    sizes=Sizes(train=82_990, validation=4_368, test=29_119, features=33_495, labels=113_595),
    how="A point is a synset: the words of its gloss (tf-idf), and as labels the synsets that WordNet's pointers lead "
    "to (hypernyms, parts, derived forms and the like).",
    cautions=(
        "Relations go both ways: that A is a label of the test point B may be seen in training, where B is one of A's.",
        "Many labels occur once, and some labels of the test part never in training.",
        "No label is a head: P@1 is a score of the tail.",
    ),
    folder=Path(__file__).parent / "data" / "wordnet",
    sha256={
        "train.txt.xz": "ababab649d8de4781ce10b836d3d5b25a9847fc493a9d2b031e3b80b477d6bc2",
        "validation.txt.xz": "3785febf8c62958e20a8fdf3b5657273c9b018e886655b4a9eabb4b79bfebc61",
        "test.txt.xz": "dfcd322bae96c869e5f1614d112ec1135fc5bd43144659dd8cc573277a399648",
        "LICENSE.txt": "a1d9f9278816e5d55c7d35f356f5a86974408858f1d9cf4b7160ff827f93fc85",
    },
    remedy="It is part of the repository: `git checkout -- datasets/data/wordnet` brings it back.",
)
