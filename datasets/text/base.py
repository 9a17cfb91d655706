"""What a corpus is: bytes in three parts, and how well general compressors do on them."""

import gzip
import lzma
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datasets import cache
from datasets.built import digest_of

TEST_SHARE = VALIDATION_SHARE = 0.05  # of all bytes, from the end, as enwik8 is split


@dataclass(frozen=True)
class Corpus:
    """Three parts of a text, each [bytes] uint8."""

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]
    test: NDArray[np.uint8]


@dataclass(frozen=True)
class TextDataset(cache.Kept):
    """A corpus; a plug-in subclasses it and binds an instance to a module-level name.

    Attributes:
        name: what the command line calls it.
        title: one line for people. source: where it comes from. licence: the terms, in a few words.
        size: bytes of all parts. how: what lies in it, and in which order. cautions: traps, a sentence each.
    """

    name: str
    title: str
    source: str
    licence: str
    size: int
    how: str = ""
    cautions: tuple[str, ...] = ()
    made_by: ClassVar[tuple[Any, ...]] = ()

    @property
    def entry(self) -> cache.Entry:
        """Its place in the cache."""
        return cache.Entry(self.name, digest_of({"size": self.size}, self.made_by))

    @abstractmethod
    def make(self) -> tuple[bytes, Mapping[str, Any]]:
        """All of its bytes, `size` of them, and where they came from."""

    def load(self) -> Corpus:
        """The parts, mapped: nothing is read before it is touched."""
        self.verify(contents=False)
        return Corpus(*(self.entry.array(name) for name in ("train", "validation", "test")))

    def described(self) -> dict[str, Any]:
        """What was written down when it was built: bits a byte of compressors, where it came from."""
        meta = self.entry.meta()
        origin = meta["provenance"] | {"recipe": self.entry.recipe}
        return {"bits_per_byte": meta["bits_per_byte"], "provenance": origin}

    def _store(self) -> tuple[cache.Arrays, Mapping[str, Any]]:
        text, provenance = self.make()
        parts = split(np.frombuffer(text, np.uint8))
        return vars(parts), {"bits_per_byte": compressed_bits(parts.test.tobytes()), "provenance": provenance}


def split(text: NDArray[np.uint8]) -> Corpus:
    """The first nine tenths, and two twentieths."""
    held_back = round(len(text) * TEST_SHARE), round(len(text) * VALIDATION_SHARE)
    ends = np.cumsum([len(text) - sum(held_back), held_back[1]])
    return Corpus(*np.split(text, ends))


def compressed_bits(text: bytes) -> dict[str, float]:
    """Bits a byte after gzip -9 and xz -9, what a model has to beat; and the entropy of single bytes."""
    share = np.bincount(np.frombuffer(text, np.uint8), minlength=256) / max(1, len(text))
    entropy = -float((share[share > 0] * np.log2(share[share > 0])).sum())
    packed = {"gzip": gzip.compress(text, 9, mtime=0), "xz": lzma.compress(text, preset=9)}
    return {"entropy": entropy} | {name: 8 * len(data) / max(1, len(text)) for name, data in packed.items()}
