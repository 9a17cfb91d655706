"""Corpora of bytes for language models, found by name; and tasks that are drawn, not stored."""

import importlib
import pkgutil

from datasets.base import UnknownDatasetError
from datasets.text.base import Corpus, TextDataset

__all__ = ["Corpus", "TextDataset", "get", "names"]


def get(name: str) -> TextDataset:
    """The corpus called `name`.

    Raises:
        UnknownDatasetError: no plug-in has that name; the message lists those that exist.
    """
    found = _discover()
    if name not in found:
        raise UnknownDatasetError(name, sorted(found))
    return found[name]


def names() -> list[str]:
    """Names of all corpora, sorted."""
    return sorted(_discover())


def _discover() -> dict[str, TextDataset]:
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = (held for module in modules for held in vars(module).values() if isinstance(held, TextDataset))
    return {plugin.name: plugin for plugin in found}
