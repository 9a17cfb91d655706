"""Which files Debian's packages hold: the Contents indices as columns of numbers.

The two indices have seven million lines, two thirds of a gigabyte of text; they are read as a stream, and what repeats
(directories, names, packages) is kept once.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from datasets.base import PreparationError
from datasets.debian.apt import Indices

_PATH_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
BLOCK = 16 << 20  # bytes of text at once


@dataclass(frozen=True)
class Files:
    """Paths in the order of the index, each as three numbers.

    Attributes:
        directory, name, packages: [n] int32, positions in the lists below.
        directories: without a slash at the end; "" is the root. names: what follows the last slash.
        owners: lists of packages, as in the index: `section/package,section/package`.
    """

    directory: NDArray[np.int32]
    name: NDArray[np.int32]
    packages: NDArray[np.int32]
    directories: pa.Array
    names: pa.Array
    owners: pa.Array


def read_files(indices: Indices) -> Files:
    """All files of the packages for all architectures, then those for this machine's."""
    columns: tuple[list[pa.Array], ...] = ([], [], [])
    for architecture in ("all", indices.architecture):
        with indices.contents(architecture) as stream, _told_plainly(architecture):
            for lines in _lines(stream):
                for column, values in zip(columns, parse(lines), strict=True):
                    column.append(values)
    files = together(*columns)
    columns = ([], [], [])
    pa.default_memory_pool().release_unused()  # most of a gigabyte
    return files


@contextmanager
def _told_plainly(architecture: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        raise PreparationError(f"the index of files Contents-{architecture} cannot be read: {error}.") from None


def parse(lines: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Lines of path, blanks, packages → directories, names and packages, dictionary-encoded. Paths hold blanks too."""
    path, packages = _halves(lines, " ")
    directory, name = _halves(pc.ascii_rtrim_whitespace(path), "/")
    return directory.dictionary_encode(), name.dictionary_encode(), packages.dictionary_encode()


def together(*columns: Iterable[pa.Array]) -> Files:
    """Blocks to whole columns that share their lists."""
    numbers, lists = [], []
    for blocks in columns:
        whole = pa.chunked_array(list(blocks)).unify_dictionaries()
        numbers.append(np.concatenate([chunk.indices.to_numpy() for chunk in whole.chunks]))
        lists.append(whole.chunk(0).dictionary)
    return Files(*numbers, *lists)


def texts(column: pa.Array) -> Iterator[str]:
    """The column's strings; file names may be any bytes, and what is not UTF-8 is replaced."""
    for value in column.cast(pa.binary()):
        yield value.as_py().decode("utf-8", errors="replace")


def package_names(owners: str) -> list[str]:
    """`section/package,section/package` → package names; a section may hold a slash of its own."""
    return [owner.rpartition("/")[2] for owner in owners.split(",")]


def path_words(path: str) -> list[str]:
    """Words of a path in lower case: runs of letters, camel case taken apart, and of digits; two characters or more."""
    return [word.lower() for word in _PATH_WORD.findall(path) if len(word) > 1]


def _lines(stream: BinaryIO) -> Iterator[pa.Array]:
    reader = csv.open_csv(
        stream,
        read_options=csv.ReadOptions(column_names=["line"], block_size=BLOCK),
        parse_options=csv.ParseOptions(delimiter="\x01", quote_char=False),
        convert_options=csv.ConvertOptions(column_types={"line": pa.string()}, check_utf8=False),
    )
    for batch in reader:
        yield batch.column(0)


def _halves(texts: pa.Array, separator: str) -> tuple[pa.Array, pa.Array]:
    """What precedes the last separator ("" if there is none), and what follows it."""
    halves = pc.split_pattern(texts, separator, max_splits=1, reverse=True)
    last = halves.values.take(pc.subtract(halves.offsets[1:], 1))
    return pc.if_else(pc.greater(pc.list_value_length(halves), 1), pc.list_element(halves, 0), ""), last
