"""What notebooks share: the rows of one experiment, wherever they are, and figures and tables of each setting."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from IPython.display import HTML, Image, Markdown, display

from bench.store import Rows, Store, read_exports
from reports.claims.base import judge_run
from reports.figures.base import discover, missing, render
from reports.selection import current, settings


class Reader:
    """Shows an experiment's rows, setting by setting: the reader's own first, then the committed ones.

    Args:
        experiment: its item. quick_store: directory of the reader's own store. reference_exports: directory whose
            folders hold committed rows. Either may be absent.
    """

    def __init__(self, experiment: str, quick_store: str, reference_exports: str) -> None:
        self.experiment = experiment
        found = _stored(Path(quick_store), Path(reference_exports))
        parts = {name: current(rows.where(experiment=experiment)) for name, rows in found}
        self.cases = [(f"{name}: {key}", part) for name, rows in parts.items() for key, part in settings(rows)]
        if not self.cases:
            display(Markdown(f"**No rows at all.** `python -m bench reproduce {experiment} --scale quick` makes some."))

    def show(self, name: str) -> None:
        """One figure for each case, with what is missing from it."""
        figure = next(figure for figure in discover(self.experiment) if figure.name == name)
        display(Markdown(f"*{figure.asks}*"))
        for title, rows in self.cases:
            lacking = missing(figure, rows, figure.data(rows))
            display(Markdown(f"**{title}**" + (f": missing: {'; '.join(lacking)}" if lacking else "")))
            display(Image(render(figure, rows), width=900, alt=f"{figure.title}, {title}"))

    def table(self, make: Callable[[Rows], pd.DataFrame]) -> None:
        """One table for each case."""
        for title, rows in self.cases:
            frame = make(rows)
            shown = HTML(frame.to_html(index=False, border=0)) if len(frame) else Markdown("none")
            display(Markdown(f"**{title}**"), shown)

    def claims(self) -> None:
        """Words, published value, ours and verdict, for each case."""
        self.table(lambda rows: judge_run(rows)[["words", "source", "paper", "ours", "verdict", "reason"]])


def _stored(quick_store: Path, reference_exports: Path) -> Iterator[tuple[str, Rows]]:
    if (quick_store / "runs.sqlite").exists():
        yield "this machine", Store(quick_store).rows()
    reference = read_exports(reference_exports)
    if reference is None:
        display(Markdown("*There are no committed reference rows: only this machine's are shown.*"))
    else:
        yield "committed reference", reference
