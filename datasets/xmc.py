"""Read and write the XMC text format, whose definition is `datasets.xmc_reference`.

Blocks of whole lines go through `datasets.xmc_blocks`; a block it declines goes through the reference, which finds the
fault. Measured on one core (Xeon, 100 MB, 75 pairs a point): 80 to 100 MB/s, checks and matrices included; 58 where
values have exponents, 47 where they have 17 digits. Merely turning the digits of the first file into one column of
floats runs at 113 MB/s in polars, 80 in pandas' C parser and 66 in numpy.fromstring.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from datasets.base import FormatError, Part
from datasets.compressed import CORRUPT, Opened, Source, compress, opened
from datasets.xmc_blocks import Block, parse
from datasets.xmc_reference import Limits, Point, parse_header, parse_lines

BLOCK_BYTES = 1 << 20
"""Text parsed at a time: small enough for its arrays to stay in a core's cache."""

_T = TypeVar("_T", bound=np.generic)

LONGEST_LINE = 1 << 26
"""Bytes; more without a line end means that this is no XMC file."""


class _Sizes(NamedTuple):
    """Numbers of points, features and labels; None where they are to be inferred."""

    points: int | None = None
    features: int | None = None
    labels: int | None = None


def read(
    source: Source,
    *,
    header: bool = True,
    index_base: int = 0,
    label_base: int | None = None,
    sizes: tuple[int, int] | None = None,
) -> Part:
    """Read an XMC file; gzip and xz files are decompressed on the way.

    Nothing is allocated on the header's word: memory grows with what the file holds.

    Args:
        source: path, bytes, or binary stream.
        header: whether the first line is `points features labels`.
        index_base: 0 or 1, the number of the first feature and label.
        label_base: the same for labels alone, where they differ (as in LIBSVM's multi-label files).
        sizes: (D, N) of a file without header; inferred from the largest indices when absent.

    Returns:
        features [points, D] float32 and labels [points, N] float32 ones; rows sorted, repeats merged, zeros dropped.
        Empty lines at the end of the file are no points, unless the header counts them.

    Raises:
        FormatError: the file is not of the format; names its first faulty line.
        OSError: the file cannot be read.
    """
    expected = _Sizes() if sizes is None else _Sizes(None, *sizes)
    with opened(source) as file:
        blocks = _whole_lines(file)
        if header:
            expected, blocks = _take_header(blocks, file)
        limits = _limits(expected, index_base, index_base if label_base is None else label_base)
        return _collect(blocks, limits, expected, _Where(file.name, 2 if header else 1))


def write(part: Part, destination: str | os.PathLike[str], *, header: bool = True, index_base: int = 0) -> None:
    """Write `part` so that `read` gives it back exactly; `.gz` and `.xz` files are compressed, without time stamps."""
    path = Path(destination)
    path.write_bytes(compress(format_part(part, header=header, index_base=index_base), path.suffix))


def format_part(part: Part, *, header: bool = True, index_base: int = 0) -> bytes:
    """`part` as XMC text, each value in the fewest digits that give the same float32."""
    features, labels = part.features, part.labels
    first = [f"{part.points} {features.shape[1]} {labels.shape[1]}"] if header else []
    ids = [str(label) for label in (labels.indices + index_base).tolist()]
    values = _shortest(features.data)
    pairs = [f"{f}:{value}" for f, value in zip((features.indices + index_base).tolist(), values, strict=True)]
    rows = zip(_rows(ids, labels.indptr), _rows(pairs, features.indptr), strict=True)
    return "\n".join([*first, *(f"{','.join(some)} {' '.join(row)}" for some, row in rows), ""]).encode()


class _Where(NamedTuple):
    """Where the points of a file begin: its name and the 1-based line of the first one."""

    name: str
    first_line: int

    def fault(self, point: int, problem: str) -> FormatError:
        return FormatError(self.name, self.first_line + point, "line", problem)


def _whole_lines(file: Opened) -> Iterator[bytes]:
    """The file in blocks of lines, each ended by LF, the last one too."""
    line, rest = 1, [b""]
    while data := _read_block(file, line):
        cut = data.rfind(b"\n") + 1
        rest.append(data[:cut])
        if cut:
            block = b"".join(rest)
            yield block
            line, rest = line + block.count(b"\n"), []
        rest.append(data[cut:])
        if sum(map(len, rest)) > LONGEST_LINE:
            raise FormatError(
                file.name, line, "line", f"more than {LONGEST_LINE} bytes without a line end. Is it binary?"
            )
    if tail := b"".join(rest):
        yield tail + b"\n"


def _read_block(file: Opened, line: int) -> bytes:
    try:
        return file.stream.read(BLOCK_BYTES)
    except CORRUPT as error:
        raise FormatError(
            file.name, line, "line", f"the compressed file is truncated or damaged here ({error})."
        ) from None


def _take_header(blocks: Iterator[bytes], file: Opened) -> tuple[_Sizes, Iterator[bytes]]:
    """The header's sizes, and the blocks after it."""
    text = next(blocks, b"")
    if not text:
        raise FormatError(file.name, 1, "header", "the file is empty, expected a header 'points features labels'.")
    line, _, rest = text.partition(b"\n")
    claimed = parse_header(line, file.name)
    if file.size is not None and claimed.points > file.size:  # each point needs at least its line end
        problem = f"the header claims {claimed.points} points, but the file has only {file.size} bytes."
        raise FormatError(file.name, 1, "header", problem)
    return _Sizes(*claimed), chain([rest] if rest else [], blocks)


def _limits(sizes: _Sizes, index_base: int, label_base: int) -> Limits:
    if not {index_base, label_base} <= {0, 1}:
        raise ValueError(f"index_base={index_base}, label_base={label_base}: the first index is 0 or 1.")
    limits = Limits(feature_base=index_base, label_base=label_base)
    if sizes.features is None or sizes.labels is None:
        return limits
    return replace(limits, features=sizes.features, labels=sizes.labels)


def _collect(blocks: Iterator[bytes], limits: Limits, sizes: _Sizes, where: _Where) -> Part:
    """Parse every block; there are as many points as promised, or as lines up to the last that is not empty."""
    points = _Points()
    for text in blocks:
        points.append(_parse(text, where.first_line + points.count, limits, where.name), text)
        if sizes.points is not None and points.count - points.trailing > sizes.points:
            raise where.fault(sizes.points, f"more lines than the {sizes.points} points that the header promises.")
    if points.count == points.trailing and sizes.points is None:
        raise where.fault(0, "the file is empty, expected at least one point.")
    if sizes.points is None:
        return points.part(points.count - points.trailing, sizes, where)
    if points.count < sizes.points:
        raise where.fault(
            points.count, f"the file ends after {points.count} points, its header promises {sizes.points}."
        )
    return points.part(sizes.points, sizes, where)


def _parse(text: bytes, first_line: int, limits: Limits, name: str) -> Block:
    block = parse(text, limits)
    return _as_block(parse_lines(text.split(b"\n")[:-1], first_line, limits, name)) if block is None else block


def _as_block(points: list[Point]) -> Block:
    return Block(
        label_counts=np.array([len(point.labels) for point in points], np.int64),
        labels=np.array([label for point in points for label in point.labels], np.int32),
        feature_counts=np.array([len(point.features) for point in points], np.int64),
        features=np.array([feature for point in points for feature in point.features], np.int32),
        values=np.array([value for point in points for value in point.values], np.float64).astype(np.float32),
    )


@dataclass
class _Points:
    """Blocks read so far.

    Attributes:
        count: lines in them.
        trailing: how many of these, at the end, are empty.
    """

    blocks: list[Block] = field(default_factory=lambda: [_as_block([])])
    count: int = 0
    trailing: int = 0

    def append(self, block: Block, text: bytes) -> None:
        lines, content = len(block.label_counts), text.rstrip(b"\r\n")
        self.trailing = text.count(b"\n", len(content)) - 1 if content else self.trailing + lines
        self.count += lines
        self.blocks.append(block)

    def part(self, points: int, sizes: _Sizes, where: _Where) -> Part:
        """The first `points` points as matrices; those cut off are empty."""
        label_counts = _joined([block.label_counts for block in self.blocks])[:points]
        feature_counts = _joined([block.feature_counts for block in self.blocks])[:points]
        labels = _joined([block.labels for block in self.blocks])
        features = _joined([block.features for block in self.blocks])
        values = _joined([block.values for block in self.blocks]).astype(np.float32, copy=False)
        label_matrix = _csr(np.ones(len(labels), np.float32), labels, label_counts, sizes.labels)
        label_matrix.data[:] = 1
        return Part(_finite(_csr(values, features, feature_counts, sizes.features), where), label_matrix)


def _joined(arrays: list[NDArray[_T]]) -> NDArray[_T]:
    return np.concatenate(arrays)


def _csr(
    data: NDArray[np.float32], indices: NDArray[np.int32], counts: NDArray[np.int64], size: int | None
) -> csr_matrix:
    """Rows of `counts` entries each; repeats are summed, zeros dropped."""
    columns = int(indices.max(initial=-1)) + 1 if size is None else size
    indptr = np.concatenate([[0], np.cumsum(counts)])
    matrix = csr_matrix((data, indices, indptr), shape=(len(counts), columns))
    matrix.sum_duplicates()
    if not matrix.data.all():
        matrix.eliminate_zeros()
    return matrix


def _finite(features: csr_matrix, where: _Where) -> csr_matrix:
    """Refuse a sum of repeated features that left the range of float32."""
    wrong = np.flatnonzero(~np.isfinite(features.data))
    if len(wrong):
        point = int(np.searchsorted(features.indptr, wrong[0], side="right")) - 1
        raise where.fault(
            point, f"feature {features.indices[wrong[0]]} is repeated, and its sum does not fit a float32."
        )
    return features


def _shortest(values: NDArray[np.float32]) -> list[str]:
    """The shortest text of each value; equal values are formatted once."""
    unique, where = np.unique(values, return_inverse=True)
    texts = [text.removesuffix(".0") for text in unique.astype(np.float32).astype(str).tolist()]
    return [texts[i] for i in where.tolist()]


def _rows(texts: list[str], indptr: NDArray[np.int32]) -> Iterator[list[str]]:
    return (texts[start:stop] for start, stop in pairwise(indptr.tolist()))
