"""Feed the XMC reader bytes that a coverage-guided fuzzer makes up: it may refuse them, in its own words, and no more.

    python tests/fuzz.py [-runs=1000000] [other options of libFuzzer]        (tox -e fuzz)

Each input is read twice, by the fast path and by the definition alone: both give the same part, or the same refusal.
Memory is limited, so that believing a header's sizes would be a crash.
"""

import resource
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["datasets"]):
    from datasets import xmc

import numpy as np

from datasets.base import FormatError, Part

MEMORY = 4 << 30
SEEDS = (
    b"\x00" + b"3 10 5\n0,3 1:0.5 4:1e-3\n 2:1\n4 9:-.5\n",
    b"\x01" + b"0,3 1:0.5 4:1e-3\r\n 2:1\r\n\r\n",
    b"\x02" + b"2 1000000000000 5\n1 1:1\n2 2:2\n",
    b"\x03" + b"1 1:1 1:-1 1:3.4e38 1:3.4e38\n",
    b"\x00\x1f\x8b\x08\x00garbage",
    b"\x00\xfd7zXZ\x00garbage",
)
TOKENS = ('"\\x0a"', '"\\x0d\\x0a"', '" "', '","', '":"', '"e-3"', '"1000000000000"', '"2147483647"', '"-0"', '"nan"')


def read(data: bytes) -> Part | str:
    """What the reader says of an input, whose first byte holds the options."""
    options, text = data[0], data[1:]
    try:
        return xmc.read(text, header=not options & 1, index_base=options >> 1 & 1)
    except FormatError as error:
        return f"{error}" if error.line >= 1 else f"no line: {error.line}"


def by_definition(data: bytes) -> Part | str:
    """The same, with every block read line by line."""
    fast = xmc.parse
    xmc.parse = lambda text, limits: None
    try:
        return read(data)
    finally:
        xmc.parse = fast


def test_one(data: bytes) -> None:
    if not data:
        return
    found, expected = read(data), by_definition(data)
    if isinstance(found, str) or isinstance(expected, str):
        assert found == expected, (found, expected)
        assert not str(found).startswith("no line")
        return
    for name in ("features", "labels"):
        one, other = getattr(found, name), getattr(expected, name)
        one.check_format(full_check=True)
        assert one.shape == other.shape
        for array in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(one, array), getattr(other, array))
        assert np.isfinite(one.data).all()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        corpus, tokens = Path(folder) / "corpus", Path(folder) / "tokens"
        corpus.mkdir()
        for number, seed in enumerate(SEEDS):
            (corpus / str(number)).write_bytes(seed)
        tokens.write_text("\n".join(TOKENS) + "\n")
        options = [f"-dict={tokens}", "-max_len=400", "-timeout=10", "-rss_limit_mb=0", *sys.argv[1:], str(corpus)]
        atheris.Setup([sys.argv[0], *options], test_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
