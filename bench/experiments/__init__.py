"""Experiments, one file a figure or a group of them: lists of frozen configurations. Importing one runs nothing."""

import pkgutil
from functools import cache
from importlib import import_module

from bench.experiments.base import Experiment


@cache
def found() -> dict[str, Experiment]:
    """Every experiment in this folder, by item."""
    modules = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    experiments = (module.experiment for module in modules if hasattr(module, "experiment"))
    return {experiment.item: experiment for experiment in experiments}


def usual() -> list[str]:
    """Items that run when none is named: those whose data are in the checkout, but for the longer ones."""
    return sorted(item for item, experiment in found().items() if not experiment.needs and not experiment.only_named)


def get(item: str) -> Experiment:
    """The experiment of this name; LookupError names those there are."""
    if item not in found():
        raise LookupError(f"there is no item {item!r}; the items are: {', '.join(sorted(found()))}.")
    return found()[item]
