"""One block of XMC text to arrays, with array operations only.

The text is cut at everything that is not a digit. A table of which separator may follow which, and whether digits may
or must stand between them, decides whether the block is well-formed; then all numbers of one kind are decoded at once,
eight digits to a 64-bit word. `parse` declines (None) what it does not know to be right; `datasets.xmc_reference` then
decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.xmc_reference import MAX_VALUE, Limits

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Int64s = NDArray[np.int64]

DIGIT, SPACE, COMMA, COLON, NEWLINE, DOT, EXPONENT, OTHER = range(8)
_KNOWN = b"0123456789 ,:\n.eE+-"
_KINDS = bytes([DIGIT] * 10 + [SPACE, COMMA, COLON, NEWLINE, DOT] + [EXPONENT] * 4)
_CLASS_OF = bytes(_KINDS[_KNOWN.index(byte)] if byte in _KNOWN else OTHER for byte in range(256))

EMPTY, DIGITS = 1, 2  # what may stand between two separators
EITHER = EMPTY | DIGITS
_BETWEEN = {
    (NEWLINE, COMMA): DIGITS,  # first of several labels
    (NEWLINE, SPACE): EITHER,  # the only label, or none
    (NEWLINE, NEWLINE): EITHER,
    (COMMA, COMMA): DIGITS,
    (COMMA, SPACE): DIGITS,
    (COMMA, NEWLINE): DIGITS,
    (SPACE, SPACE): EMPTY,
    (SPACE, NEWLINE): EMPTY,
    (SPACE, COLON): DIGITS,  # a feature
    (COLON, SPACE): DIGITS,  # its value: an integer,
    (COLON, NEWLINE): DIGITS,
    (COLON, DOT): EITHER,  # a decimal
    (DOT, SPACE): EITHER,
    (DOT, NEWLINE): EITHER,
    (COLON, EXPONENT): EITHER,  # or something for float() to judge
    (DOT, EXPONENT): EITHER,
    (EXPONENT, EXPONENT): EITHER,
    (EXPONENT, DOT): EITHER,
    (EXPONENT, SPACE): DIGITS,
    (EXPONENT, NEWLINE): DIGITS,
}
_ALLOWED = np.array(
    [
        _BETWEEN.get((left, right), 0) & content > 0
        for left in range(8)
        for right in range(8)
        for content in (EMPTY, DIGITS)
    ]
)
"""`_BETWEEN`, indexed by left << 4 | right << 1 | (digits stand between)."""

_PAD = b"0" * 15 + b"\n"  # lets a 16-byte word end at the first character, and opens the first line
_POWERS = 10.0 ** np.arange(23)  # each exact in float64
_EXACT_DIGITS = 15  # an integer of so many digits is exact in float64, so one division rounds correctly


@dataclass(frozen=True)
class Block:
    """Points of one block, 0-based, in the order of the text; repeats are kept.

    Attributes:
        label_counts, feature_counts: [points] int64.
        labels: [sum of label_counts] int32.
        features, values: [sum of feature_counts] int32, float32.
    """

    label_counts: Int64s
    labels: NDArray[np.int32]
    feature_counts: Int64s
    features: NDArray[np.int32]
    values: NDArray[np.float32]


class _DeclinedError(Exception):
    """The block is malformed, or unusual enough to be left to the reference."""


def parse(text: bytes, limits: Limits) -> Block | None:
    """Read whole lines, each ended by LF or CRLF; None where the reference has to decide.

    Memory: about 12 times the length of `text`.
    """
    try:
        return _Tokens(text.replace(b"\r\n", b"\n")).block(limits)
    except _DeclinedError:
        return None


class _Tokens:
    """Separators of a text and the digits between them: token i stands between separators i and i + 1."""

    def __init__(self, text: bytes) -> None:
        padded = _PAD + text
        self.bytes: Bytes = np.frombuffer(padded, np.uint8)
        self.words: Words = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))  # one at every byte
        classes = np.frombuffer(padded.translate(_CLASS_OF), np.uint8)
        self.at: Int64s = np.flatnonzero(classes != DIGIT)
        self.kind: Bytes = classes[self.at]
        self.length: Int64s = np.diff(self.at) - 1

    def block(self, limits: Limits) -> Block:
        self.check()
        newline = np.flatnonzero(self.kind == NEWLINE)
        colon = np.flatnonzero(self.kind == COLON)
        left = self.kind[:-1]
        label = np.flatnonzero(((left == NEWLINE) | (left == COMMA)) & (self.length > 0))
        return Block(
            label_counts=np.diff(np.searchsorted(label, newline)),
            labels=self.indices(label, limits.labels, limits.label_base),
            feature_counts=np.diff(np.searchsorted(colon, newline)),
            features=self.indices(colon - 1, limits.features, limits.feature_base),
            values=self.values(colon),
        )

    def check(self) -> None:
        """Raise _DeclinedError unless each token is one that `_BETWEEN` knows."""
        rule = (self.kind[:-1] << 4) | (self.kind[1:] << 1) | (self.length > 0)
        if not _ALLOWED[rule].all():
            raise _DeclinedError

    def indices(self, token: Int64s, size: int, base: int) -> NDArray[np.int32]:
        """The numbers in `token`, less `base`, each checked to be in [0, size)."""
        index = self.numbers(token).astype(np.int64) - base
        if len(index) and (index.min() < 0 or index.max() >= size):
            raise _DeclinedError
        return index.astype(np.int32)

    def numbers(self, token: Int64s) -> Words:
        """Decode tokens of at most 16 digits."""
        length, end = self.length[token], self.at[token + 1]
        longest = length.max(initial=0)
        if longest > 16:
            raise _DeclinedError
        if longest <= 8:
            return _decode(self.words[end - 8], length)
        low = _decode(self.words[end - 8], np.minimum(length, 8))
        high = _decode(self.words[end - 16], np.maximum(length - 8, 0))
        return high * np.uint64(10**8) + low

    def values(self, colon: Int64s) -> NDArray[np.float32]:
        """The value after each colon, rounded from float64 as the reference does."""
        decimal = self.kind[colon + 1] == DOT
        end = self.kind[colon + 1 + decimal]  # a text ends with NEWLINE, so there is one
        fraction_length = self.length[colon + decimal] * decimal
        plain = ((end == SPACE) | (end == NEWLINE)) & _is_exact(self.length[colon], fraction_length)
        if plain.all():
            return _float32(self.decimals(colon, decimal, fraction_length))
        values = np.empty(len(colon))
        values[plain] = self.decimals(colon[plain], decimal[plain], fraction_length[plain])
        values[~plain] = self.floats(colon[~plain])
        return _float32(values)

    def decimals(self, colon: Int64s, decimal: NDArray[np.bool_], fraction_length: Int64s) -> NDArray[np.float64]:
        """Values written as digits, or digits and a dot, few enough to be exact."""
        whole = self.numbers(colon).astype(np.float64)
        if not decimal.any():
            return whole
        fraction = self.numbers(colon + decimal).astype(np.float64)
        scale = _POWERS[fraction_length]
        return np.asarray(np.where(decimal, (whole * scale + fraction) / scale, whole))

    def floats(self, colon: Int64s) -> NDArray[np.float64]:
        """Values in any other notation, by float()."""
        blank = np.flatnonzero((self.kind == SPACE) | (self.kind == NEWLINE))
        start, end = self.at[colon] + 1, self.at[blank[np.searchsorted(blank, colon)]]
        width = int((end - start).max())
        if width > 40:
            raise _DeclinedError
        column = np.arange(width)
        characters = self.bytes[np.minimum(start[:, None] + column, len(self.bytes) - 1)]
        characters[column >= (end - start)[:, None]] = 0
        try:
            return np.asarray(characters.view(f"S{width}").ravel().astype(np.float64))
        except ValueError:
            raise _DeclinedError from None


def _is_exact(whole_length: Int64s, fraction_length: Int64s) -> NDArray[np.bool_]:
    """Whether a decimal has digits, and few enough of them."""
    digits = whole_length + fraction_length
    return (digits > 0) & (digits <= _EXACT_DIGITS)


def _float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    if len(values) and np.abs(values).max() > MAX_VALUE:
        raise _DeclinedError
    return values.astype(np.float32)


def _decode(word: Words, length: Int64s) -> Words:
    """The decimal number in the last `length` (0 to 8) characters of each little-endian word.

    Source: the "SWAR" trick of D. Lemire, "Quickly parsing eight digits", 2018.
    """
    shift = ((8 - length) << 3).astype(np.uint64)
    word = ((word & np.uint64(0x0F0F0F0F0F0F0F0F)) >> shift) << shift  # a shift by 64 gives 0
    word = word * np.uint64(10) + (word >> np.uint64(8))
    pairs = np.uint64(0x000000FF000000FF)
    odd = (word & pairs) * np.uint64(100 + (1000000 << 32))
    even = ((word >> np.uint64(16)) & pairs) * np.uint64(1 + (10000 << 32))
    return (odd + even) >> np.uint64(32)
