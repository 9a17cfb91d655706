"""The fast reader reads what the reference reads, gives back what was written, and names the line of every fault."""

import gzip
import io
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from datasets import xmc, xmc_blocks
from datasets.base import FormatError, Part
from datasets.xmc_reference import MAX_INDEX, Limits, parse_lines

D, N = 40, 30

FIXTURE = b"""\
6 10 5
0,3 1:0.5 4:1e-3 9:2
 2:1 3:.25
4
1,1 7:1 2:3 7:0.5
2  0:1.  5:0

"""

indices = st.integers(0, N - 1)
values = st.one_of(
    st.integers(-999, 999).map(str),
    st.floats(-1e6, 1e6, width=32).map(lambda value: f"{value:.6f}"),
    st.floats(-1e6, 1e6).map(repr),
    st.sampled_from(
        ["1e-3", "+2.5E+2", ".5", "5.", "0", "0.000", "123456789012345678901234567890", "1e-300", "00001.5"]
    ),
)
pairs = st.lists(st.tuples(st.integers(0, D - 1), values), max_size=6)
points = st.lists(st.tuples(st.lists(indices, max_size=4), pairs), min_size=1, max_size=12)


def text_of(rows, base=0, end="\n", gap=" ", header=True):
    first = [f"{len(rows)} {D} {N}"] if header else []
    lines = [
        ",".join(str(label + base) for label in labels) + gap + gap.join(f"{f + base}:{v}" for f, v in row)
        for labels, row in rows
    ]
    return end.join([*first, *lines, ""]).encode()


def dense(rows):
    """What the definition says the points are, and by how much a float32 sum of repeats may be off."""
    X, Y = np.zeros((len(rows), D)), np.zeros((len(rows), N), np.float32)
    slack = np.zeros_like(X)
    for i, (labels, row) in enumerate(rows):
        Y[i, labels] = 1
        for feature, value in row:
            X[i, feature] += np.float32(float(value))
            slack[i, feature] += abs(float(value)) * 2**-22
    return X, Y, slack


@settings(deadline=None, max_examples=300)
@given(points, st.sampled_from([0, 1]), st.sampled_from(["\n", "\r\n"]), st.sampled_from([" ", "  "]), st.booleans())
def test_the_reader_reads_what_was_meant(rows, base, end, gap, header):
    text = text_of([*rows, ([0], [])], base, end, gap, header)
    part = xmc.read(text, index_base=base, header=header, sizes=None if header else (D, N))
    X, Y, slack = dense([*rows, ([0], [])])
    assert (abs(part.features.toarray() - X) <= slack).all()
    np.testing.assert_array_equal(part.labels.toarray(), Y)
    assert part.features.data.all()


@settings(deadline=None, max_examples=300)
@given(points, st.sampled_from(["\n", "\r\n"]), st.sampled_from([0, 1]))
def test_the_fast_path_equals_the_reference_bit_for_bit(rows, end, base):
    text = text_of(rows, base, end, header=False)
    limits = Limits(D, N, base, base)
    fast, exact = xmc_blocks.parse(text, limits), xmc._as_block(parse_lines(text.split(b"\n")[:-1], 1, limits, "-"))
    assert fast is not None, "the fast path declined a well-formed block"
    for name in ("label_counts", "labels", "feature_counts", "features", "values"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(exact, name), err_msg=name, strict=True)


@settings(deadline=None, max_examples=500)
@given(st.text(alphabet="0123456789 ,:.eE+-\n\r\tx", max_size=40))
def test_the_fast_path_accepts_nothing_that_the_reference_refuses(text):
    data = text.encode() + b"\n"
    fast = xmc_blocks.parse(data, Limits(D, N))
    try:
        exact = xmc._as_block(parse_lines(data.split(b"\n")[:-1], 1, Limits(D, N), "-"))
    except FormatError:
        assert fast is None
        return
    if fast is not None:
        np.testing.assert_array_equal(fast.values, exact.values)
        np.testing.assert_array_equal(fast.features, exact.features)
        np.testing.assert_array_equal(fast.labels, exact.labels)


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: b"3 5 4\n" + tail)), st.booleans())
def test_arbitrary_bytes_are_read_or_refused_with_a_line(data, header):
    fault = fault_of(data, header)
    assert fault is None or (fault.line >= 1 and f"line {fault.line}" in str(fault))


def fault_of(data: bytes, header: bool) -> FormatError | None:
    try:
        xmc.read(data, header=header)
    except FormatError as error:
        return error
    return None


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x1f\x8b\x08\x00"])
def test_a_damaged_archive_is_a_format_error(magic):
    with pytest.raises(FormatError, match="truncated or damaged"):
        xmc.read(magic + b"garbage" * 3)


def test_the_fixture():
    part = xmc.read(FIXTURE)
    assert part.features.shape == (6, 10)
    assert part.labels.shape == (6, 5)
    np.testing.assert_array_equal(part.labels.indptr, [0, 2, 2, 3, 4, 5, 5])
    np.testing.assert_array_equal(part.features[3].toarray()[0, [2, 7]], [3, 1.5])  # unsorted and repeated
    assert part.features[4].nnz == 1  # the zero is not stored
    assert part.features[5].nnz == 0  # the empty line is the sixth point
    assert part.features.has_canonical_format
    assert part.features.dtype == part.labels.dtype == np.float32
    assert part.features.indices.dtype == np.int32


def test_sizes_are_inferred_without_header():
    part = xmc.read(b"2 3:1\n0 7:1", header=False)
    assert (part.features.shape, part.labels.shape) == ((2, 8), (2, 3))


def test_labels_may_have_another_base_than_features():
    part = xmc.read(b"0 1:1\n", header=False, index_base=1, label_base=0)
    assert (part.features[0, 0], part.labels[0, 0]) == (1, 1)


def test_an_index_below_the_base_is_refused():
    for text in (b"1 1:1\n0 1:1\n", b"1 1:1\n1 0:1\n"):
        with pytest.raises(FormatError, match=r"line 2: (label|feature) 0 is out of range, accepted are 1 to"):
            xmc.read(text, header=False, index_base=1)


def test_values_halfway_between_two_float32_round_as_float_does():
    below = np.random.default_rng(0).random(2000, np.float32)
    halfway = (below.astype(np.float64) + np.nextafter(below, np.float32(2)).astype(np.float64)) / 2
    texts = [f"{value:.{digits}f}" for value in halfway for digits in (14, 15, 16, 17)]
    block = xmc_blocks.parse("".join(f" 0:{text}\n" for text in texts).encode(), Limits(D, N))
    assert block is not None
    np.testing.assert_array_equal(block.values, np.array(list(map(float, texts))).astype(np.float32))


def test_empty_lines_at_the_end_are_no_points():
    assert xmc.read(b"0 1:1\n\n \n\n\r\n", header=False).points == 3  # a line with a space is one
    assert xmc.read(b"1 5 5\n0 1:1\n\n\n").points == 1


@pytest.mark.parametrize("block_bytes", [1, 7, 64])
def test_blocks_of_any_size_give_the_same(block_bytes, monkeypatch):
    expected = xmc.read(FIXTURE)
    monkeypatch.setattr(xmc, "BLOCK_BYTES", block_bytes)
    assert_same(xmc.read(FIXTURE), expected)
    with pytest.raises(FormatError, match="line 5"):
        xmc.read(FIXTURE.replace(b"1,1", b"1,x"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_paths_streams_and_archives(pack, tmp_path):
    expected, data = xmc.read(FIXTURE), pack(FIXTURE)
    path = tmp_path / "data.txt"
    path.write_bytes(data)
    assert_same(xmc.read(path), expected)
    assert_same(xmc.read(str(path)), expected)
    stream = io.BytesIO(data)
    assert_same(xmc.read(stream), expected)
    assert not stream.closed


def test_a_text_stream_is_refused():
    with pytest.raises(TypeError, match="mode 'rb'"):
        xmc.read(io.StringIO("1 1 1\n"))


def test_a_base_other_than_0_and_1_is_refused():
    with pytest.raises(ValueError, match="the first index is 0 or 1"):
        xmc.read(FIXTURE, index_base=2)


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.xz"])
@pytest.mark.parametrize("base", [0, 1])
def test_what_is_written_is_read_back_exactly(suffix, base, tmp_path):
    generator = np.random.default_rng(0)
    X = csr_matrix(generator.standard_normal((50, D)).astype(np.float32) * (generator.random((50, D)) < 0.1))
    Y = csr_matrix((generator.random((50, N)) < 0.05).astype(np.float32))
    path = tmp_path / f"data{suffix}"
    xmc.write(Part(X, Y), path, index_base=base)
    assert_same(xmc.read(path, index_base=base), Part(X, Y))
    first = path.read_bytes()
    xmc.write(Part(X, Y), path, index_base=base)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        (b"", 1, "header", "empty"),
        (b"0 1:1\n", 1, "header", "without header"),
        (b"3 10\n", 1, "header", "three integers"),
        (b"3 1.5 2\n", 1, "header", "three integers"),
        (b"-1 5 5\n", 1, "header", "claims -1 points"),
        (b"2 1000000000000 5\n", 1, "header", "claims 1000000000000 features"),
        (b"1000000000000 5 5\n0 1:1\n", 1, "header", "claims 1000000000000 points"),
        (b"100000 5 5\n0 1:1\n", 1, "header", "only 17 bytes"),
        (b"2 5 5\n0 1:1\nx 1:1\n", 3, "label", "'x' is not an integer"),
        (b"2 5 5\n0 1:1\n1, 1:1\n", 3, "label", "'' is not an integer"),
        (b"2 5 5\n0 1:1\n-2 1:1\n", 3, "label", "label -2 is out of range"),
        (b"2 5 5\n0 1:1\n7 1:1\n", 3, "label", "accepted are 0 to 4"),
        (b"2 5 5\n0 1:1\n5 1:1\n", 3, "label", "1-based"),
        (b"2 5 5\n0 1:1\n1:1\n", 3, "label", "starts with a space"),
        (b"2 5 5\n0 1:1\n0 5:1\n", 3, "feature", "accepted are 0 to 4"),
        (b"2 5 5\n0 1:1\n0 -1:1\n", 3, "feature", "feature -1 is out of range"),
        (b"2 5 5\n0 1:1\n0 " + b"9" * 5000 + b":1\n", 3, "feature", "out of range"),
        (b"2 5 5\n0 1:1\n0 12\n", 3, "feature", "colon is missing"),
        (b"2 5 5\n0 1:1\n0 1 2:3\n", 3, "feature", "colon is missing"),
        (b"2 5 5\n0 1:1\n0 1:\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:.\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:nan\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:inf\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:1_0\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:1:2\n", 3, "value", "not a finite"),
        (b"2 5 5\n0 1:1\n0 1:1e39\n", 3, "value", "float32"),
        (b"2 5 5\n0 1:1\n0 1:3e38 1:3e38\n", 3, "line", "sum does not fit"),
        (b"2 5 5\n0 1:1\n", 3, "line", "ends after 1 points"),
        (b"2 5 5\n0 1:1\n0 1:1\n0 1:1\n", 4, "line", "more lines"),
        (b"2 5 5\n0 1:1\n0 1:\x001\n", 3, "line", "NUL"),
        (b"2 5 5\n0 1:1\n0 1:\xff\n", 3, "line", "not UTF-8"),
        (b"2 5 5\n0 1:1\n0\t1:1\n", 3, "label", "starts with a space"),
    ],
)
def test_a_fault_is_named_with_its_line(text, line, field, says):
    with pytest.raises(FormatError) as raised:
        xmc.read(text)
    assert (raised.value.line, raised.value.field) == (line, field)
    assert says in str(raised.value)
    assert str(raised.value).startswith(f"<bytes>, line {line}: ")


@pytest.mark.parametrize("text", [b"", b"\n\n"])
def test_an_empty_file_without_header_is_refused(text):
    with pytest.raises(FormatError, match="empty"):
        xmc.read(text, header=False)


def test_a_truncated_archive_names_where_it_ends(tmp_path: Path):
    whole = b"9999 5 5\n" + b"0 1:1 2:0.12345\n" * 9999
    path = tmp_path / "cut.txt.xz"
    path.write_bytes(lzma.compress(whole)[:-40])
    with pytest.raises(FormatError, match="truncated or damaged"):
        xmc.read(path)


def test_a_line_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(xmc, "LONGEST_LINE", 100)
    monkeypatch.setattr(xmc, "BLOCK_BYTES", 10)
    with pytest.raises(FormatError, match="without a line end"):
        xmc.read(b"1 5 5\n" + b"0" * 200)


def test_a_fault_far_into_a_file_is_named(monkeypatch):
    monkeypatch.setattr(xmc, "BLOCK_BYTES", 1000)
    lines = [b"2000 5 5", *[b"0 1:0.5 2:1"] * 2000]
    lines[1500] = b"0 1:0.5 2;1"
    with pytest.raises(FormatError, match=r"line 1501: found '2;1'"):
        xmc.read(b"\n".join(lines))


def test_sizes_up_to_int32_are_accepted():
    part = xmc.read(b"1 %d 5\n0 %d:1\n" % (MAX_INDEX + 1, MAX_INDEX))
    assert part.features.shape == (1, MAX_INDEX + 1)


def assert_same(a: Part, b: Part) -> None:
    for left, right in ((a.features, b.features), (a.labels, b.labels)):
        assert left.shape == right.shape
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
