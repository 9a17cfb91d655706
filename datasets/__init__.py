"""Data sets for extreme multi-label classification (XMC), one file each, found by name.

A data set is any module of this folder that defines a module-level `dataset` (see `datasets.base.Dataset`).
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
    plugins = (module.dataset for module in modules if isinstance(getattr(module, "dataset", None), Dataset))
    return {plugin.name: plugin for plugin in plugins}
