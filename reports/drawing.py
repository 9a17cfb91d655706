"""What the figures share: a canvas, mean lines with bands, bars, legends, a heading with what is missing."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from reports.appearance import Look, look, ordered

STYLE: dict[str, Any] = {
    "svg.hashsalt": "mongoose",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E3E5E6",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": "white",
}


def canvas(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Canvas, list[Axes]]:
    """A blank figure, in inches, and its axes in reading order."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [axis for row in axes for axis in row]


def bands(axes: Axes, frame: pd.DataFrame) -> None:
    """One line a method through `mean` at `x`, with ± `sd` shaded; "no rows" where there is none."""
    for method in ordered(frame["method"]):
        rows, style = frame[frame["method"] == method], look(method)
        every = max(1, len(rows) // 12)
        line: dict[str, Any] = {"color": style.colour, "marker": style.marker, "ls": style.dash}
        axes.plot(rows["x"], rows["mean"], markevery=every, markersize=5.5, lw=1.8, **line)
        if rows["sd"].notna().any():
            low, high = rows["mean"] - rows["sd"], rows["mean"] + rows["sd"]
            axes.fill_between(rows["x"], low, high, color=style.colour, alpha=0.18, lw=0)
    if frame.empty:
        blank(axes)


def bars(axes: Axes, frame: pd.DataFrame, notes: list[str], **style: Any) -> None:
    """One horizontal bar a row, from `mean` with ± `sd`, the method at its left and a note at its right."""
    if frame.empty:
        blank(axes)
        return
    places, ends = range(len(frame)), frame["mean"] + frame["sd"].fillna(0.0)
    axes.barh(places, frame["mean"], color=[look(method).colour for method in frame["method"]], height=0.62, **style)
    axes.errorbar(frame["mean"], places, xerr=frame["sd"], fmt="none", ecolor="#333333", capsize=3, lw=1.2)
    axes.set_yticks(places, [look(method).label for method in frame["method"]])
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    for place, end, words in zip(places, ends, notes, strict=True):
        axes.annotate(words, (end, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
    axes.set_xlim(0, max(float(ends.max()), 1e-9) * 1.45)


def blank(axes: Axes, words: str = "no rows") -> None:
    """Say in the middle of an empty panel why it is empty."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color="#6B7375", fontsize=13)


def legend(figure: Canvas, frame: pd.DataFrame, extra: list[Line2D] | None = None) -> None:
    """Name every method drawn, with its number of seeds, below the axes, where no curve can run under it."""
    handles = [_handle(look(str(method)), int(rows["n"].max())) for method, rows in _by_method(frame)] + (extra or [])
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(3, len(handles)), columnspacing=1, handletextpad=0.5
        )


def heading(figure: Canvas, title: str, sentences: list[str]) -> None:
    """Write the title, and below it what is missing, into a strip kept free above the axes."""
    lines = ["   ·   ".join(sentences[i : i + 2]) for i in range(0, len(sentences), 2)]
    height = float(figure.get_figheight())
    strip = 0.42 + 0.2 * len(lines)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - strip / height))  # type: ignore[union-attr, call-arg]
    figure.text(0.01, 1 - 0.12 / height, title, va="top", fontsize=13, fontweight="bold", in_layout=False)
    words = {"va": "top", "fontsize": 9.5, "color": "#8A3B00", "linespacing": 1.45, "in_layout": False}
    figure.text(0.01, 1 - 0.4 / height, "\n".join(lines), words)


def _by_method(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(method, frame[frame["method"] == method]) for method in ordered(frame["method"])]


def _handle(style: Look, n: int) -> Line2D:
    return Line2D([], [], color=style.colour, marker=style.marker, ls=style.dash, label=f"{style.label} (n = {n})")
