"""What a figure is: the rows it draws, computed first and kept beside it, and a drawing of nothing but those."""

import importlib
import io
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure as Canvas

import reports.figures
from bench.store import Rows, write_atomically
from reports.appearance import TRAINED, label
from reports.drawing import STYLE, heading
from reports.selection import CURVES


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        name: the stem of its files, and the name of its module.
        title: a few words.
        asks: the question it answers and how to read it, one or two sentences.
        data: the rows it draws, with a column `method`, from stored rows of one setting; this is the CSV beside it.
        draw: a drawing of what `data` gave, also when that is empty.
        methods: the methods that should be in it; one without rows is named as missing.
        rank: where it stands in the report.
        experiments: whose rows it draws.
    """

    name: str
    title: str
    asks: str
    data: Callable[[Rows], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Canvas]
    methods: tuple[str, ...] = TRAINED
    rank: int = 100
    experiments: tuple[str, ...] = CURVES


@dataclass(frozen=True)
class Saved:
    """A figure on disk: its files share a stem; `missing` says in words what has no rows."""

    figure: Figure
    missing: list[str]


def discover(experiment: str = CURVES[0]) -> list[Figure]:
    """Every figure of this folder that draws an experiment's rows, in the report's order."""
    modules = [
        importlib.import_module(f"reports.figures.{found.name}")
        for found in pkgutil.iter_modules(reports.figures.__path__)
    ]
    figures: list[Figure] = [module.figure for module in modules if hasattr(module, "figure")]
    figures = [figure for figure in figures if experiment in figure.experiments]
    return sorted(figures, key=lambda figure: (figure.rank, figure.name))


def save(figure: Figure, rows: Rows, directory: Path) -> Saved:
    """Write `<name>.svg`, `.png` and `.csv`; the same rows give the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    frame = figure.data(rows)
    lacking = missing(figure, rows, frame)
    for kind, image in _images(figure, frame, lacking, ("svg", "png")).items():
        write_atomically(directory / f"{figure.name}.{kind}", image)
    write_atomically(directory / f"{figure.name}.csv", frame.to_csv(index=False, float_format="%.9g").encode())
    return Saved(figure, lacking)


def render(figure: Figure, rows: Rows, kind: str = "png") -> bytes:
    """The figure as the bytes of an image (`png` or `svg`), without date or software version."""
    frame = figure.data(rows)
    return _images(figure, frame, missing(figure, rows, frame), (kind,))[kind]


def missing(figure: Figure, rows: Rows, frame: pd.DataFrame) -> list[str]:
    """A sentence for each expected method that is not drawn, or not from all of its runs."""
    drawn = set(frame["method"])
    found = [_missing(method, rows.runs[rows.runs["method"] == method], method in drawn) for method in figure.methods]
    return [sentence for sentence in found if sentence]


def _images(figure: Figure, frame: pd.DataFrame, lacking: list[str], kinds: tuple[str, ...]) -> dict[str, bytes]:
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    files = {kind: io.BytesIO() for kind in kinds}
    with style.context(["default", STYLE]):
        drawn = figure.draw(frame)
        heading(drawn, figure.title, lacking)
        for kind, file in files.items():
            drawn.savefig(file, format=kind, dpi=144, metadata=metadata[kind])
    return {kind: file.getvalue() for kind, file in files.items()}


def _missing(method: str, runs: pd.DataFrame, drawn: bool) -> str:
    failed = runs[runs["status"] != "ok"]
    if runs.empty:
        return f"{label(method)}: not run"
    if len(failed):
        return f"{label(method)}: {len(failed)} of {len(runs)} runs failed ({', '.join(sorted(set(failed['status'])))})"
    return "" if drawn else f"{label(method)}: nothing measured"
