"""The law of the tables: whatever was updated, a query equals brute-force comparison of codes."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.tables import HashTables


def brute_force(codes: Tensor, queries: Tensor) -> list[list[int]]:
    return [(codes == query).any(1).nonzero().flatten().tolist() for query in queries]


def as_lists(candidates: Candidates) -> list[list[int]]:
    bounds = candidates.offsets.tolist()
    return [candidates.ids[a:b].tolist() for a, b in pairwise(bounds)]


def random_codes(rows: int, tables: int, bits: int, seed: int) -> Tensor:
    return torch.randint(2**bits, (rows, tables), generator=torch.Generator().manual_seed(seed), dtype=torch.int32)


@given(
    rows=st.sampled_from([1, 31, 32, 33, 127, 1000]),
    tables=st.integers(1, 5),
    bits=st.integers(1, 6),
    updates=st.lists(st.integers(0, 40), max_size=6),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_query_equals_brute_force_after_any_updates(
    rows: int, tables: int, bits: int, updates: list[int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = random_codes(rows, tables, bits, seed)
    hash_tables = HashTables(num_bits=bits, num_tables=tables)
    hash_tables.build(codes)
    for size in updates:
        ids = torch.randperm(rows, generator=generator)[:size]
        codes[ids] = random_codes(len(ids), tables, bits, seed + size)
        hash_tables.update(ids, codes[ids])
    queries = random_codes(7, tables, bits, seed + 1)
    assert as_lists(hash_tables.query(queries)) == brute_force(codes, queries)


def test_empty_batch_of_queries() -> None:
    tables = HashTables(num_bits=3, num_tables=2)
    tables.build(random_codes(10, 2, 3, 0))
    assert len(tables.query(torch.zeros(0, 2, dtype=torch.int32))) == 0


class Counting(HashTables):
    """Notes how many rows were in side tables, summed over updates, at each build."""

    def __init__(self, *, num_bits: int, num_tables: int) -> None:
        super().__init__(num_bits=num_bits, num_tables=num_tables)
        self.work: list[int] = []

    def build(self, codes: Tensor) -> None:
        self.work.append(self._side_work if self.built else 0)
        super().build(codes)


@pytest.mark.parametrize(("size", "builds"), [(1, 1 + 100 // 45), (10, 1 + 100 // 13), (130, 1 + 100)])
def test_many_small_updates_build_anew_once_side_tables_have_taken_in_as_many_rows(size: int, builds: int) -> None:
    """Of 1,000 rows: 1 + 2 + … + 45 > 1,000, the rows of 45 updates; of ten a time, one in eight have moved before."""
    tables = Counting(num_bits=3, num_tables=2)
    codes = random_codes(1000, 2, 3, 0)
    tables.build(codes.clone())
    for step in range(100):
        ids = (torch.arange(size) + step * size) % 1000
        codes[ids] = random_codes(size, 2, 3, step)
        tables.update(ids, codes[ids])
    assert len(tables.work) == builds
    assert all(work <= 1000 + 126 for work in tables.work)
    queries = random_codes(9, 2, 3, 1)
    assert as_lists(tables.query(queries)) == brute_force(codes, queries)


def one_bucket(rows: int, moved: int) -> HashTables:
    """All rows in bucket 0; the first `moved` of them went away and came back since the build."""
    tables = HashTables(num_bits=1, num_tables=1)
    tables.build(torch.zeros(rows, 1, dtype=torch.int32))
    ids = torch.arange(moved)
    tables.update(ids, torch.ones(moved, 1, dtype=torch.int32))
    tables.update(ids, torch.zeros(moved, 1, dtype=torch.int32))
    return tables


@pytest.mark.parametrize("moved", [0, 5])
def test_a_cap_bounds_what_is_seen_of_a_bucket_and_reaches_every_item(moved: int) -> None:
    queries = torch.zeros(400, 1, dtype=torch.int32)
    seen = one_bucket(50, moved).query(queries, cap=10, generator=torch.Generator().manual_seed(0))
    assert int(seen.counts.max()) == 10
    assert set(seen.ids.tolist()) == set(range(50))


def test_a_cap_does_not_favour_rows_that_moved() -> None:
    queries = torch.zeros(2000, 1, dtype=torch.int32)
    seen = one_bucket(1000, 100).query(queries, cap=64, generator=torch.Generator().manual_seed(0))
    assert float((seen.ids < 100).float().mean()) == pytest.approx(0.1, abs=0.03)


def test_a_query_visits_only_the_tables_it_names() -> None:
    codes = random_codes(200, 4, 3, 0)
    tables = HashTables(num_bits=3, num_tables=4)
    tables.build(codes)
    queries, visits = random_codes(6, 4, 3, 1), torch.tensor([[1, 3], [0, 0], [2, 1], [3, 0], [1, 2], [2, 2]])
    found = as_lists(tables.query(queries, tables=visits))
    for query, visit, ids in zip(queries, visits, found, strict=True):
        assert ids == (codes[:, visit] == query[visit]).any(1).nonzero().flatten().tolist()


def test_cap_equal_to_the_largest_bucket_changes_nothing() -> None:
    codes = random_codes(300, 4, 4, 0)
    tables = HashTables(num_bits=4, num_tables=4)
    tables.build(codes)
    queries = random_codes(9, 4, 4, 1)
    capped = tables.query(queries, cap=300, generator=torch.Generator().manual_seed(0))
    assert as_lists(capped) == brute_force(codes, queries)


@pytest.mark.parametrize("codes", [[[8, 0]], [[-1, 0]], [[0, 0, 0]]])
def test_codes_out_of_range_or_shape_are_refused(codes: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="codes"):
        HashTables(num_bits=3, num_tables=2).build(torch.tensor(codes, dtype=torch.int32))


def test_codes_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match="int64"):
        HashTables(num_bits=3, num_tables=2).build(torch.zeros(4, 2, dtype=torch.int64))


def test_query_before_build_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="call build"):
        HashTables(num_bits=3, num_tables=2).query(torch.zeros(1, 2, dtype=torch.int32))


@pytest.mark.parametrize("moved", [0, 40])
@pytest.mark.parametrize("min_count", [1, 2, 4])
def test_min_count_keeps_items_that_share_the_code_in_that_many_tables(moved: int, min_count: int) -> None:
    codes = random_codes(500, 4, 2, 0)
    tables = HashTables(num_bits=2, num_tables=4)
    tables.build(codes.clone())
    codes[:moved] = random_codes(moved, 4, 2, 2)
    tables.update(torch.arange(moved), codes[:moved].clone())
    queries = random_codes(9, 4, 2, 1)
    wanted = [((codes == query).sum(1) >= min_count).nonzero().flatten().tolist() for query in queries]
    assert as_lists(tables.query(queries, min_count=min_count)) == wanted


def test_a_query_stops_once_it_has_enough() -> None:
    codes = random_codes(500, 6, 2, 0)
    tables = HashTables(num_bits=2, num_tables=6)
    tables.build(codes)
    queries = random_codes(8, 6, 2, 1)
    order = torch.stack([torch.randperm(6, generator=torch.Generator().manual_seed(b)) for b in range(8)])
    found = as_lists(tables.query(queries, tables=order, enough=200))
    for query, visits, ids in zip(queries, order.tolist(), found, strict=True):
        visited = next(n for n in range(1, 7) if n == 6 or hits(codes, query, visits[:n]) >= 200)
        assert ids == (codes[:, visits[:visited]] == query[visits[:visited]]).any(1).nonzero().flatten().tolist()


def hits(codes: Tensor, query: Tensor, visits: list[int]) -> int:
    return int((codes[:, visits] == query[visits]).any(1).sum())


def test_stopping_early_and_counting_collisions_exclude_each_other() -> None:
    tables = HashTables(num_bits=3, num_tables=2)
    tables.build(random_codes(10, 2, 3, 0))
    with pytest.raises(ValueError, match="enough=5 with min_count=2"):
        tables.query(random_codes(1, 2, 3, 1), enough=5, min_count=2)
