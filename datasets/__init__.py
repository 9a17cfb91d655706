"""Data sets for extreme multi-label classification (XMC), found by name.

A data set is any instance of `datasets.base.Dataset` that a module of this folder holds.
The folder shares its name with a Hugging Face package; from a checkout ours comes first, and `__mongoose__` tells
them apart.
"""

import sys

from datasets.base import Dataset
from datasets.registry import discover, pick

__mongoose__ = True

__all__ = ["get", "names"]


def get(name: str) -> Dataset:
    """The data set called `name`.

    Raises:
        UnknownDatasetError: no plug-in has that name; the message lists those that exist.
    """
    return pick(_found(), name)


def names() -> list[str]:
    """Names of all data sets, sorted."""
    return sorted(_found())


def _found() -> dict[str, Dataset]:
    return discover(sys.modules[__name__], Dataset)  # type: ignore[type-abstract]
