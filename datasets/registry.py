"""Plug-ins: instances of a class that the modules of a folder hold."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any, TypeVar

from datasets.base import UnknownDatasetError

Plugin = TypeVar("Plugin")


def discover(package: ModuleType, kind: type[Plugin]) -> dict[str, Plugin]:
    """Every instance of `kind` that a module of the package holds, by its name."""
    modules = (
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    )
    held: list[Any] = [value for module in modules for value in vars(module).values() if isinstance(value, kind)]
    return {plugin.name: plugin for plugin in held}


def pick(found: dict[str, Plugin], name: str) -> Plugin:
    """The plug-in of this name; UnknownDatasetError lists those there are."""
    if name not in found:
        raise UnknownDatasetError(name, sorted(found))
    return found[name]
