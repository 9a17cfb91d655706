"""Corpora of bytes for language models, found by name; and tasks that are drawn, not stored."""

import sys

from datasets.registry import discover, pick
from datasets.text.base import Corpus, TextDataset

__all__ = ["Corpus", "TextDataset", "get", "names"]


def get(name: str) -> TextDataset:
    """The corpus called `name`.

    Raises:
        UnknownDatasetError: no plug-in has that name; the message lists those that exist.
    """
    return pick(_found(), name)


def names() -> list[str]:
    """Names of all corpora, sorted."""
    return sorted(_found())


def _found() -> dict[str, TextDataset]:
    return discover(sys.modules[__name__], TextDataset)  # type: ignore[type-abstract]
