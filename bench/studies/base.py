"""What a study is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.config import RunConfig

Rows = Iterator[dict[str, Any]]  # flat: names to numbers and words


@dataclass(frozen=True)
class Study:
    """Something to measure that is not how a method trains.

    It is carried out as a method is: by name, in a process of its own, once for each configuration and seed.

    Attributes:
        name: in place of a method's. measures: configuration → rows, which the store keeps as `measures`.
    """

    name: str
    measures: Callable[[RunConfig], Rows]
