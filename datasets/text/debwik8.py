"""100,000,000 bytes of text from Debian's archive, for who has no enwik8: a dictionary, descriptions, documentation.

It is easier to compress than enwik8: compare bits a byte on it with those of compressors and of other models on it.
"""

import gzip
import itertools
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datasets.base import PreparationError
from datasets.debian import apt, packages
from datasets.text import base
from datasets.text.base import TextDataset

CHUNK = 100_000  # bytes of a source that stay together
SEED = 0


class Debwik8(TextDataset):
    """Sources in chunks, shuffled, cut to size."""

    made_by: ClassVar = (sys.modules[__name__], base, apt, packages)

    def make(self) -> tuple[bytes, Mapping[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            indices = apt.fetch(Path(folder), contents=False)
            found = packages.read_packages(indices)
            names = ("dict-gcide", newest("linux-doc", found), newest("python3-doc", found))
            gcide, linux, python = (indices.unpack(name) for name in names)  # folders of name, version, architecture
            pieces = {
                "descriptions": b"\n\n".join(f"{one.name}: {one.description}".encode() for one in found),
                gcide.name: dictionary(gcide),
                linux.name: unique_texts(linux, (".rst", ".txt", ".rst.gz", ".txt.gz")),
                python.name: unique_texts(python, (".rst.txt", ".rst.txt.gz")),
            }
            told = packages.provenance(indices) | {"bytes": {name: len(piece) for name, piece in pieces.items()}}
        return interleave(list(pieces.values()), self.size), told


def newest(metapackage: str, found: list[packages.Package]) -> str:
    """The versioned documentation that a package without a version depends on, such as linux-doc-6.1."""
    depends = next((one.depends for one in found if one.name == metapackage), frozenset())
    stem = metapackage.removesuffix("-doc").rstrip("0123456789")
    documents = sorted(name for name in depends if name.startswith(stem) and "-doc" in name)
    if not documents:
        raise PreparationError(f"this release has no {metapackage} that depends on its documentation.")
    return documents[-1]


def dictionary(root: Path) -> bytes:
    """The dictionary's text, whose container is gzip with an index that readers may ignore."""
    found = sorted(root.rglob("gcide.dict.dz"))
    if not found:
        raise PreparationError(f"{root.name} holds no gcide.dict.dz.")
    return gzip.decompress(found[0].read_bytes())


def unique_texts(root: Path, suffixes: Iterable[str]) -> bytes:
    """Texts of the files with these suffixes, in the order of their paths, each content once."""
    paths = sorted(path for path in root.rglob("*") if path.name.endswith(tuple(suffixes)) and path.is_file())
    contents = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths)
    return b"\n".join(dict.fromkeys(contents))


def interleave(pieces: list[bytes], size: int) -> bytes:
    """`size` bytes of the pieces, cut into chunks that are shuffled.

    Raises:
        PreparationError: the pieces are shorter than that.
    """
    chunks = list(itertools.chain.from_iterable(_chunks(piece) for piece in pieces))
    held = sum(map(len, chunks))
    if held < size:
        raise PreparationError(f"the sources hold {held:,} bytes; {size:,} are needed.")
    order = np.random.RandomState(SEED).permutation(len(chunks))
    return b"".join(chunks[i] for i in order)[:size]


def _chunks(piece: bytes) -> Iterator[bytes]:
    return (piece[at : at + CHUNK] for at in range(0, len(piece), CHUNK))


debwik8 = Debwik8(
    name="debwik8",
    title="100 MB of text from Debian: GCIDE, package descriptions, documentation of Linux and Python",
    source="packages dict-gcide, linux-doc, python3-doc and the descriptions of this machine's Debian release (main)",
    licence="GPL, PSF and the packages' own; built on your machine, not redistributed",
    size=100_000_000,
    how="A dictionary of English, the descriptions of all packages, and the sources of the documentation of Linux and "
    "of Python, each text once, in chunks of 100,000 bytes that were shuffled; the first nine tenths are for training, "
    "then a twentieth each for validation and test.",
    cautions=(
        "It is easier to compress than enwik8, so compare bits a byte on it only with bits a byte on it.",
        "Descriptions of packages built from one source repeat themselves, and chunks of one document lie in all "
        "parts.",
    ),
)
