"""The XMC text format, as its definition: plain Python, one line at a time.

    points features labels          the header (optional in some distributions)
    3,17 5:0.25 9:1e-3              labels separated by commas, then feature:value pairs separated by spaces
     2:1                            a point without labels starts with a space
    4                               a point without features

Lines end in LF or CRLF; spaces may repeat and may end a line. A repeated label counts once, repeated features of a line
are summed, a value of 0 is not stored. `datasets.xmc` reads the same language many times faster and asks this module
whenever something looks odd: this module decides, and says what is wrong where.

Source: the Extreme Classification Repository's file format (Bhatia et al. 2016), as read by its own scripts.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datasets.base import FormatError

MAX_INDEX = 2**31 - 2
"""Largest label or feature: sizes, one more, must fit the int32 indices of a CSR matrix."""

MAX_VALUE = float(np.finfo(np.float32).max)
"""Largest magnitude of a value."""

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Limits:
    """What an index may be.

    Attributes:
        features: D; a feature f has f - feature_base < D.
        labels: N, likewise.
        feature_base: 0 or 1, the number of the first feature.
        label_base: 0 or 1, the number of the first label.
    """

    features: int = MAX_INDEX + 1
    labels: int = MAX_INDEX + 1
    feature_base: int = 0
    label_base: int = 0


class Header(NamedTuple):
    """The first line: numbers of points, features (D) and labels (N)."""

    points: int
    features: int
    labels: int


class Point(NamedTuple):
    """One line, 0-based; repeats are kept."""

    labels: list[int]
    features: list[int]
    values: list[float]


class _FaultError(Exception):
    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem


def parse_header(line: bytes, path: str) -> Header:
    """Read `points features labels`.

    Raises:
        FormatError: at line 1; not three integers, or a size that no matrix of ours can have.
    """
    try:
        return _header(_text(line))
    except _FaultError as fault:
        raise FormatError(path, 1, fault.field, fault.problem) from None


def parse_lines(lines: list[bytes], first_line: int, limits: Limits, path: str) -> list[Point]:
    """Read each of `lines` (without their ends), the first of which is the file's line `first_line`.

    Raises:
        FormatError: at the first line that is not of the format.
    """
    points = []
    for number, line in enumerate(lines, first_line):
        try:
            points.append(_point(_text(line), limits))
        except _FaultError as fault:
            raise FormatError(path, number, fault.field, fault.problem) from None
    return points


def _text(line: bytes) -> str:
    if b"\0" in line:
        raise _FaultError("line", "found a NUL byte, expected text. Is this a binary file?")
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise _FaultError("line", f"byte {error.start + 1} is not UTF-8, expected text.") from None


def _header(text: str) -> Header:
    fields = text.split(" ")
    while fields and not fields[-1]:
        fields.pop()
    if len(fields) != 3 or not all(_INTEGER.fullmatch(field) for field in fields):
        what = f"the header is {_shown(text)}, expected three integers 'points features labels'"
        raise _FaultError("header", f"{what}. If the file starts with a point, read it without header.")
    return Header(*(_size(name, field) for name, field in zip(Header._fields, fields, strict=True)))


def _size(name: str, field: str) -> int:
    size = _integer(field)
    if not 0 <= size <= MAX_INDEX + 1:
        raise _FaultError("header", f"the header claims {field[:40]} {name}, accepted are 0 to {MAX_INDEX + 1}.")
    return size


def _point(text: str, limits: Limits) -> Point:
    head, *rest = text.split(" ")
    if ":" in head:
        raise _FaultError(
            "label", f"found {_shown(head)} where labels belong. A point without labels starts with a space."
        )
    labels = [_index("label", field, limits.labels, limits.label_base) for field in head.split(",")] if head else []
    pairs = [_pair(field, limits) for field in rest if field]
    return Point(labels, [feature for feature, _ in pairs], [value for _, value in pairs])


def _pair(field: str, limits: Limits) -> tuple[int, float]:
    feature, colon, value = field.partition(":")
    if not colon:
        raise _FaultError("feature", f"found {_shown(field)}, expected feature:value. The colon is missing.")
    return _index("feature", feature, limits.features, limits.feature_base), _value(value)


def _index(kind: str, field: str, size: int, base: int) -> int:
    if not _INTEGER.fullmatch(field):
        raise _FaultError(kind, f"{kind} {_shown(field)} is not an integer.")
    index = _integer(field) - base
    if not 0 <= index < size:
        hint = " Are the indices 1-based?" if index == size and base == 0 else ""
        raise _FaultError(kind, f"{kind} {field[:40]} is out of range, accepted are {base} to {size - 1 + base}.{hint}")
    return index


def _value(field: str) -> float:
    if not _NUMBER.fullmatch(field):
        raise _FaultError("value", f"value {_shown(field)} is not a finite decimal number.")
    value = float(field)
    if abs(value) > MAX_VALUE:
        raise _FaultError("value", f"value {_shown(field)} does not fit a float32.")
    return value


def _integer(field: str) -> int:
    digits = field.lstrip("-").lstrip("0")
    # Python refuses to convert thousands of digits; 20 of them are out of any range already.
    magnitude = int(digits[:20] or "0")
    return -magnitude if field.startswith("-") else magnitude


def _shown(field: str) -> str:
    return repr(field if len(field) <= 40 else field[:37] + "...")
