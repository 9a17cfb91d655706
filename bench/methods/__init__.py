"""Methods, one file each: compositions of `mongoose`, nothing else. A module's `method` is found by its name."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any

from bench.methods.base import Method


@cache
def found() -> dict[str, Method[Any]]:
    """Every method in this folder, by name."""
    modules = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    methods = (module.method for module in modules if hasattr(module, "method"))
    return {method.name: method for method in methods}


def get(name: str) -> Method[Any]:
    """The method of this name; LookupError names those there are."""
    if name not in found():
        raise LookupError(f"there is no method {name!r}; the names are: {', '.join(sorted(found()))}.")
    return found()[name]
