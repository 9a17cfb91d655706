"""Data sets for extreme multi-label classification (XMC), found by name.

A data set is any instance of `datasets.base.Dataset` that a module of this folder holds.
The folder shares its name with a Hugging Face package; from a checkout ours comes first, and `__mongoose__` tells
them apart.
"""

import importlib
import pkgutil

from datasets.base import Dataset, UnknownDatasetError

__mongoose__ = True

__all__ = ["get", "names"]


def get(name: str) -> Dataset:
    """The data set called `name`.

    Raises:
        UnknownDatasetError: no plug-in has that name; the message lists those that exist.
    """
    found = _discover()
    if name not in found:
        raise UnknownDatasetError(name, sorted(found))
    return found[name]


def names() -> list[str]:
    """Names of all data sets, sorted."""
    return sorted(_discover())


def _discover() -> dict[str, Dataset]:
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = (held for module in modules for held in vars(module).values() if isinstance(held, Dataset))
    return {plugin.name: plugin for plugin in found}
