"""Ragged sets of ids."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mongoose.candidates import Candidates
from mongoose.ops.ragged import ranges

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50)), max_size=60)


def build(pairs: list[tuple[int, int]]) -> Candidates:
    sample, ids = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    return Candidates.from_pairs(sample, ids, 5)


def sets(candidates: Candidates) -> list[list[int]]:
    return [candidates.ids[candidates.samples == b].tolist() for b in range(len(candidates))]


@given(PAIRS)
def test_pairs_become_sorted_sets(pairs: list[tuple[int, int]]) -> None:
    assert sets(build(pairs)) == [sorted({i for s, i in pairs if s == b}) for b in range(5)]


@given(PAIRS, PAIRS)
def test_union_is_the_union_of_sets(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    assert sets(build(a).union(build(b))) == sets(build(a + b))


@given(PAIRS, PAIRS)
def test_contains_is_membership(held: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    sample, ids = torch.tensor(asked, dtype=torch.int64).reshape(-1, 2).unbind(1)
    assert build(held).contains(sample, ids).tolist() == [pair in held for pair in asked]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=9))
def test_ranges_lie_end_to_end(spans: list[tuple[int, int]]) -> None:
    start, length = torch.tensor(spans, dtype=torch.int64).reshape(-1, 2).unbind(1)
    which, position = ranges(start, length)
    expected = [(i, a + j) for i, (a, n) in enumerate(spans) for j in range(n)]
    assert list(zip(which.tolist(), position.tolist(), strict=True)) == expected
