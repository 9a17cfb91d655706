"""Studies, one file each: measurements that are no training run. A module's `study` is found by its name."""

import pkgutil
from functools import cache
from importlib import import_module

from bench.studies.base import Study


@cache
def found() -> dict[str, Study]:
    """Every study in this folder, by name."""
    modules = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    studies = (module.study for module in modules if hasattr(module, "study"))
    return {study.name: study for study in studies}
