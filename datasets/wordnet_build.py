"""Build the WordNet task from the WordNet 3.0 database, as Debian's package `wordnet-base` ships it.

A point is the gloss of a synset, as counts of its words; its labels are the synsets that its pointers name.
`datasets.wordnet` reads the result; nobody has to run this module, but anybody can, and gets the same bytes.

Source: the file format is `man 5 wndb` (WordNet 3.0).
"""

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets import xmc
from datasets.base import Part, PreparationError, Splits

PACKAGE = "wordnet-base"
PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
MIN_DOCUMENTS = 2  # a word in one gloss only cannot generalise
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.05  # of all points; of what is left, rounded
SEED = 0

_WORD = re.compile(r"[a-z][a-z0-9+]+")


@dataclass(frozen=True)
class Synset:
    """One line of a data file.

    Attributes:
        key: part of speech and offset, such as `n00001740`; satellite adjectives count as adjectives.
        pointers: keys of the synsets that it names, in the order of the line.
        gloss: definition and examples.
    """

    key: str
    pointers: tuple[str, ...]
    gloss: str


def build(destination: Path) -> None:
    """Download the package with this machine's apt, and write three `.txt.xz` files and the licence.

    Raises:
        PreparationError: apt or dpkg is missing, or failed; the message quotes it.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = unpack(download(Path(folder)), Path(folder) / "package")
        write(root, destination)


def write(root: Path, destination: Path) -> None:
    """Build from an unpacked package at `root`."""
    splits = split(task(read_synsets(root / "usr/share/wordnet")))
    destination.mkdir(parents=True, exist_ok=True)
    for name in ("train", "validation", "test"):
        xmc.write(getattr(splits, name), destination / f"{name}.txt.xz")
    copyright_file = root / f"usr/share/doc/{PACKAGE}/copyright"
    (destination / "LICENSE.txt").write_text(licence(copyright_file.read_text(encoding="utf-8")), encoding="utf-8")


def download(folder: Path) -> Path:
    """Fetch the package into `folder` (apt verifies its signature); returns the .deb file."""
    _run(["apt-get", "download", PACKAGE], folder)
    packages = sorted(folder.glob(f"{PACKAGE}_*.deb"))
    if not packages:
        raise PreparationError(f"apt-get download {PACKAGE} left no package in {folder}.")
    return packages[-1]


def unpack(package: Path, folder: Path) -> Path:
    """Extract a .deb file into `folder`."""
    _run(["dpkg-deb", "-x", str(package), str(folder)], package.parent)
    return folder


def licence(copyright_text: str) -> str:
    """WordNet's licence out of a Debian copyright file: the paragraph of `Files: *`, unindented."""
    paragraph = copyright_text.partition("License: WordNet3.0\n")[2].partition("\n\n")[0]
    lines = (line.removeprefix(" ") for line in paragraph.splitlines())
    return "".join(("" if line == "." else line) + "\n" for line in lines)


def read_synsets(folder: Path) -> list[Synset]:
    """All synsets of the four data files in `folder`."""
    texts = ((folder / f"data.{name}").read_text(encoding="latin-1") for name in PARTS_OF_SPEECH)
    return [parse_synset(line) for text in texts for line in text.splitlines() if not line.startswith("  ")]


def parse_synset(line: str) -> Synset:
    """Read `offset file type words (word id)… pointers (symbol offset pos source/target)… [frames] | gloss`."""
    data, _, gloss = line.partition("|")
    offset, _file, kind, words, *rest = data.split()
    count, *pointers = rest[2 * int(words, 16) :]  # the number of words is hexadecimal, that of pointers decimal
    named = pointers[: 4 * int(count)]
    return Synset(_key(kind, offset), tuple(map(_key, named[2::4], named[1::4])), gloss.strip())


def task(synsets: Sequence[Synset]) -> Part:
    """Gloss -> related synsets, over the synsets that have a known word and a pointer, in the order given."""
    features = _incidence([_WORD.findall(synset.gloss.lower()) for synset in synsets], MIN_DOCUMENTS)
    labels = _incidence([sorted(set(synset.pointers)) for synset in synsets], 1)
    kept = np.flatnonzero((np.diff(features.indptr) > 0) & (np.diff(labels.indptr) > 0))
    return Part(features, labels).take(kept)


def split(points: Part) -> Splits:
    """Test and validation parts drawn by seeded permutations; each part keeps the order of the points."""
    rest, test = _draw(np.arange(points.points), TEST_SHARE)
    train, validation = _draw(rest, VALIDATION_SHARE)
    return Splits(points.take(train), points.take(validation), points.take(test))


def _draw(rows: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # RandomState, not Generator: its stream is frozen across numpy's versions
    order = np.random.RandomState(SEED).permutation(len(rows))
    drawn = round(len(rows) * share)
    return rows[np.sort(order[drawn:])], rows[np.sort(order[:drawn])]


def _incidence(documents: Iterable[Sequence[str]], min_documents: int) -> csr_matrix:
    """[documents, words] counts of the words that occur in at least `min_documents`, words in alphabetical order."""
    counts = [Counter(words) for words in documents]
    frequency = Counter(word for document in counts for word in document)
    column = {word: i for i, word in enumerate(sorted(word for word, n in frequency.items() if n >= min_documents))}
    rows = [sorted((column[word], n) for word, n in document.items() if word in column) for document in counts]
    indptr = np.cumsum([0, *map(len, rows)])
    indices, data = (np.array([entry[i] for row in rows for entry in row]) for i in (0, 1))
    return csr_matrix((data.astype(np.float32), indices, indptr), shape=(len(rows), len(column)))


def _key(part_of_speech: str, offset: str) -> str:
    return part_of_speech.replace("s", "a") + offset


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise PreparationError(f"{command[0]} is not installed; rebuilding needs a Debian or Ubuntu system.") from None
    except subprocess.CalledProcessError as error:
        raise PreparationError(f"{' '.join(command)} failed: {error.stderr.strip() or error}") from None
