"""What a person sees while runs are under way: bars on a terminal, a line a run elsewhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from bench.config import RunConfig
from bench.record import Run


class Display:
    """Follows a list of runs. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._all = self._bars.add_task("all runs", total=None, note="")
        self._one: TaskID | None = None
        self._last: dict[str, Any] = {}

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, total: int, done: int) -> None:
        self._bars.update(self._all, total=total, completed=done)
        self.console.print(f"{total} runs: {done} done before, {total - done} to do.")

    def start(self, config: RunConfig) -> None:
        self._last = {}
        description = f"{config.name}, seed {config.seed}"
        self._one = self._bars.add_task(description, total=config.seconds, note="starting")

    def progress(self, config: RunConfig, event: dict[str, Any]) -> None:
        self._last.update(event)
        if self._one is not None:
            self._bars.update(self._one, completed=min(event.get("seconds", 0), config.seconds), note=self._note())

    def finish(self, config: RunConfig, failure: Run | None) -> None:
        if self._one is not None:
            self._bars.remove_task(self._one)
        self._bars.advance(self._all)
        outcome = f"{failure.status}: {failure.reason}" if failure else f"done, {self._note()}"
        self.console.print(f"{config.name}, seed {config.seed}: {outcome}", markup=False, highlight=False)

    def _note(self) -> str:
        """The latest of what the run has told."""
        if "step" not in self._last:
            return str(self._last.get("phase", ""))
        precision = f", test P@1 {self._last['p_at_1']:.1%}" if "p_at_1" in self._last else ""
        return f"step {self._last['step']:,}{precision}"
