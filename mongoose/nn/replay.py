"""Decisions of a forward pass that its recomputation must not take anew: buckets, which a last digit can change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor


class Tape:
    """What was decided in one forward pass, in order."""

    def __init__(self) -> None:
        self.decisions: list[Tensor] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """What is `decided` in this block, by it or by what is replayed around it, is kept."""
        around = _through.get()

        def record(decide: Callable[[], Tensor]) -> Tensor:
            self.decisions.append(decide() if around is None else around(decide))
            return self.decisions[-1]

        with _installed(record):
            yield

    @contextmanager
    def replaying(self) -> Iterator[None]:
        """What is `decided` in this block is what was kept, in the same order.

        Raises:
            RuntimeError: fewer or more decisions are asked for than were kept.
        """
        left, held = iter(self.decisions), len(self.decisions)

        def replay(_: Callable[[], Tensor]) -> Tensor:
            kept = next(left, None)
            if kept is None:
                raise RuntimeError(f"the recomputation decides more often than the forward pass, {held} times.")
            return kept

        with _installed(replay):
            yield
        if next(left, None) is not None:
            raise RuntimeError(f"the recomputation decides less often than the forward pass, {held} times.")


def decided(decide: Callable[[], Tensor]) -> Tensor:
    """What `decide` returns; in a recomputation, what it returned in the forward pass, without a call."""
    through = _through.get()
    return decide() if through is None else through(decide)


_through: ContextVar[Callable[[Callable[[], Tensor]], Tensor] | None] = ContextVar("through", default=None)


@contextmanager
def _installed(through: Callable[[Callable[[], Tensor]], Tensor]) -> Iterator[None]:
    token = _through.set(through)
    try:
        yield
    finally:
        _through.reset(token)
