"""What an experiment is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.config import RunConfig, Scale


@dataclass(frozen=True)
class Experiment:
    """A question and the runs that answer it.

    Attributes:
        item: its name on the command line. asks: the question.
        seeds: how many seeds each scale takes unless told otherwise.
        runs: (scale, seeds) → configurations, in the order in which they should run.
        needs: data sets that must be built first (`bench data get`); such an experiment runs only when it is named.
        only_named: it does so though its data are in the checkout, to keep the usual job short.
        on_gpu: its runs are made on an NVIDIA GPU, whatever the backend of others.
    """

    item: str
    asks: str
    seeds: Mapping[Scale, int]
    runs: Callable[[Scale, int], list[RunConfig]]
    needs: tuple[str, ...] = ()
    only_named: bool = False
    on_gpu: bool = False
