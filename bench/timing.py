"""The only clock of the suite."""

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any


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


class EventClock(Stopwatch):
    """A stopwatch of a GPU: seconds between events on its current stream; asking for them waits until all have passed.

    Args:
        api: `torch.cuda`.
    """

    def __init__(self, api: Any) -> None:
        super().__init__()
        self._api = api
        self._open: list[tuple[str, Any, Any]] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start, end = (self._api.Event(enable_timing=True) for _ in range(2))
        start.record()
        try:
            yield
        finally:
            end.record()
            self._open.append((name, start, end))

    def seconds(self, *names: str) -> float:
        self._api.synchronize()
        for name, start, end in self._open:
            self.phases[name] += start.elapsed_time(end) / 1000
        self._open.clear()
        return super().seconds(*names)


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
