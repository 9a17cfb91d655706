"""What a person sees while runs are under way: bars on a terminal, a line a run elsewhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.config import RunConfig
from bench.record import Run


class Display:
    """Follows a list of runs, of which several may be under way at once. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._all = self.bars.add_task("all runs", total=None, note="")

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, total: int, done: int) -> None:
        self.bars.update(self._all, total=total, completed=done)
        self.console.print(f"{total} runs: {done} done before, {total - done} to do.")

    def start(self, config: RunConfig) -> "Watched":
        return Watched(self, config)

    def advance(self) -> None:
        self.bars.advance(self._all)


class Watched:
    """A run under way."""

    def __init__(self, display: Display, config: RunConfig) -> None:
        self._display, self._seconds, self._last = display, config.seconds, dict[str, Any]()
        self._title = f"{config.name}, seed {config.seed}"
        self._bar = display.bars.add_task(self._title, total=config.seconds, note="starting")

    def progress(self, event: dict[str, Any]) -> None:
        self._last.update(event)
        done = min(event.get("seconds", 0), self._seconds)
        self._display.bars.update(self._bar, completed=done, note=self._note())

    def finish(self, failure: Run | None) -> None:
        self._display.bars.remove_task(self._bar)
        self._display.advance()
        outcome = f"{failure.status}: {failure.reason}" if failure else f"done, {self._note()}"
        self._display.console.print(f"{self._title}: {outcome}", markup=False, highlight=False)

    def _note(self) -> str:
        """The latest of what the run has told."""
        if "step" not in self._last:
            return str(self._last.get("phase", ""))
        precision = f", test P@1 {self._last['p_at_1']:.1%}" if "p_at_1" in self._last else ""
        return f"step {self._last['step']:,}{precision}"
