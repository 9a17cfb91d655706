"""The only clock of the suite."""

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Adds up monotonic wall seconds by phase; whatever runs outside a phase is off the clock."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] += time.perf_counter() - start

    def seconds(self, *names: str) -> float:
        """Seconds spent in the named phases together."""
        return sum(self.phases.get(name, 0.0) for name in names)


def median_ms(run: Callable[[], object], repeats: int = 5) -> float:
    """Median milliseconds of a few runs, after one that warms up."""
    run()
    times = []
    for _ in range(repeats):
        clock = Stopwatch()
        with clock.phase("run"):
            run()
        times.append(1000 * clock.seconds("run"))
    return median(times)


def settle() -> None:
    """Hide what exists by now from the garbage collector: no step pays for a walk over torch's own objects."""
    gc.collect()
    gc.freeze()
