"""Build the WordNet task from the WordNet 3.0 database, as Debian's package `wordnet-base` ships it.

A point is the gloss of a synset, as counts of its words; its labels are the synsets that its pointers name.
`datasets.wordnet` reads the result; nobody has to run this module, but anybody can, and gets the same bytes.

Source: the file format is `man 5 wndb` (WordNet 3.0).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import xmc
from datasets.base import Part
from datasets.counts import incidence, split, usable, words
from datasets.debian import apt

PACKAGE = "wordnet-base"
PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
MIN_DOCUMENTS = 2  # a word in one gloss only cannot generalise


@dataclass(frozen=True)
class Synset:
    """One line of a data file.

    Attributes:
        key: part of speech and offset, such as `n00001740`; satellite adjectives count as adjectives.
        lemmas: its words, in lower case, blanks as underscores.
        pointers: keys of the synsets that it names, in the order of the line.
        gloss: definition and examples.
    """

    key: str
    lemmas: tuple[str, ...]
    pointers: tuple[str, ...]
    gloss: str


def build(destination: Path) -> None:
    """Download the package with this machine's apt, and write three `.txt.xz` files and the licence.

    Raises:
        PreparationError: apt or dpkg is missing, or failed; the message quotes it.
    """
    with tempfile.TemporaryDirectory() as folder:
        write(apt.fetch(Path(folder), contents=False).unpack(PACKAGE), destination)


def write(root: Path, destination: Path) -> None:
    """Build from an unpacked package at `root`."""
    splits = split(task(read_synsets(root / "usr/share/wordnet")))
    destination.mkdir(parents=True, exist_ok=True)
    for name in ("train", "validation", "test"):
        xmc.write(getattr(splits, name), destination / f"{name}.txt.xz")
    copyright_file = root / f"usr/share/doc/{PACKAGE}/copyright"
    (destination / "LICENSE.txt").write_text(licence(copyright_file.read_text(encoding="utf-8")), encoding="utf-8")


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
    offset, _file, kind, count, *rest = data.split()
    end = 2 * int(count, 16)  # the number of words is hexadecimal, that of pointers decimal
    number, *pointers = rest[end:]
    named = pointers[: 4 * int(number)]
    lemmas = tuple(_lemma(word) for word in rest[:end:2])
    return Synset(_key(kind, offset), lemmas, tuple(map(_key, named[2::4], named[1::4])), gloss.strip())


def task(synsets: Sequence[Synset]) -> Part:
    """Gloss -> related synsets, over the synsets that have a known word and a pointer, in the order given."""
    features = incidence([words(synset.gloss) for synset in synsets], MIN_DOCUMENTS)
    return usable(Part(features, incidence([sorted(set(synset.pointers)) for synset in synsets], 1)))


def _lemma(word: str) -> str:
    """Without the syntactic marker of an adjective, as in `galore(ip)`."""
    return word.partition("(")[0].lower()


def _key(part_of_speech: str, offset: str) -> str:
    return part_of_speech.replace("s", "a") + offset
