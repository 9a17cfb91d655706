"""The byte corpora that language models are compared on, enwik8 and text8; they are downloaded when asked for.

An archive that the user brings may have been packed by others: it is the file inside whose digest decides.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datasets import fetched
from datasets.archives import Member
from datasets.download import Remote
from datasets.fetched import Archive
from datasets.text import base
from datasets.text.base import TextDataset

HOMES = (
    "https://mattmahoney.net/dc/",
    "http://mattmahoney.net/dc/",
    "https://cs.fit.edu/~mmahoney/compression/",
    "https://web.archive.org/web/20201027130031/http://mattmahoney.net/dc/",
    "https://data.deepai.org/",
)
SIZE = 100_000_000


@dataclass(frozen=True)
class Mahoney(TextDataset):
    """One file in a zip. brought: such an archive, a folder with the file, or the file, that the user has."""

    archive: Archive | None = None
    brought: Path | None = None
    made_by: ClassVar = (sys.modules[__name__], base)

    def make(self) -> tuple[bytes, Mapping[str, Any]]:
        assert self.archive is not None
        return fetched.take(self.name, self.archive, lambda folder: (folder / self.name).read_bytes(), self.brought)


def _archive(name: str, packed: str, sha256: str) -> Archive:
    """The zip, of digest `packed`, of a file of digest `sha256`."""
    urls = tuple(f"{home}{name}.zip" for home in HOMES)
    return Archive(Remote(f"{name}.zip", urls, SIZE, packed), (Member(name, name, SIZE, sha256),))


enwik8 = Mahoney(
    name="enwik8",
    title="enwik8: the first 100 MB of the English Wikipedia's dump of 3 March 2006",
    source="Large Text Compression Benchmark, mattmahoney.net/dc/textdata.html",
    licence="Wikipedia's: CC BY-SA and GFDL; downloaded by you, not redistributed",
    size=SIZE,
    how="Wikipedia's XML, articles in the order of their ids; 90, 5 and 5 million bytes for training, validation and "
    "test.",
    cautions=("Nobody here has seen the file; its digest is that which others publish.",),
    archive=_archive(
        "enwik8",
        packed="547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
        sha256="2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8",
    ),
)
text8 = Mahoney(
    name="text8",
    title="text8: 100 MB of Wikipedia's text in lower case, letters and spaces only",
    source=enwik8.source,
    licence=enwik8.licence,
    size=SIZE,
    how="The text of Wikipedia's articles, without markup, digits spelled out, in the letters a to z and spaces; 90, 5 "
    "and 5 million bytes for training, validation and test.",
    cautions=("27 symbols: bits a character are not those of enwik8.", *enwik8.cautions),
    archive=_archive(
        "text8",
        packed="a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        sha256="6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
    ),
)
