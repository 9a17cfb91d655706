"""What the gates found, a line a kernel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADS = (
    "kernel",
    "instances",
    "architectures",
    "registers",
    "spills",
    "emulated cases",
    "sanitizer reports",
    "faults found",
    "line coverage",
)


@dataclass(frozen=True)
class Line:
    """Of a kernel. None: not known, because a gate could not do its work.

    instances: run, declared. architectures: compiled. registers: the most on any of them, and the budget. spills:
    bytes.
    cases: tests that launched it in the emulator, plain, under AddressSanitizer and under ThreadSanitizer.
    faults: found, planted. lines: share that ran.
    """

    kernel: str
    instances: tuple[int, int]
    architectures: int
    registers: tuple[int, int]
    spills: int
    cases: tuple[int, int, int]
    reports: int
    faults: tuple[int, int]
    lines: float | None

    def cells(self) -> list[str]:
        return [
            self.kernel,
            "{} / {}".format(*self.instances),
            str(self.architectures),
            "{} / {}".format(*self.registers),
            str(self.spills),
            " + ".join(map(str, self.cases)),
            str(self.reports),
            "{} / {}".format(*self.faults),
            _percent(self.lines),
        ]


def total(lines: Sequence[Line], faults: tuple[int, int], covered: float | None) -> list[str]:
    """The last line. faults: those that belong to no kernel. covered: of all the text."""
    return [
        f"all {len(lines)}, and faults.cu",
        _of(line.instances for line in lines),
        str(min((line.architectures for line in lines), default=0)),
        "",
        str(sum(line.spills for line in lines)),
        " + ".join(str(sum(line.cases[at] for line in lines)) for at in range(3)),
        str(sum(line.reports for line in lines)),
        _of([*(line.faults for line in lines), faults]),
        _percent(covered),
    ]


def drawn(rows: Sequence[Sequence[str]]) -> str:
    """Columns of one width each, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)


def _of(pairs: Iterable[tuple[int, int]]) -> str:
    pairs = list(pairs)
    return f"{sum(found for found, _ in pairs)} / {sum(every for _, every in pairs)}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"
