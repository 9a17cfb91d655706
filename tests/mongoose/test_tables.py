"""The law of the tables: whatever was updated, a query equals brute-force comparison of codes."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.ops.buckets import build_buckets, lookup_buckets
from mongoose.tables import HashTables


def brute_force(codes: Tensor, queries: Tensor) -> list[list[int]]:
    return [(codes == query).any(1).nonzero().flatten().tolist() for query in queries]


def as_lists(candidates: Candidates) -> list[list[int]]:
    bounds = candidates.offsets.tolist()
    return [candidates.ids[a:b].tolist() for a, b in pairwise(bounds)]


def random_codes(rows: int, tables: int, bits: int, seed: int) -> Tensor:
    return torch.randint(2**bits, (rows, tables), generator=torch.Generator().manual_seed(seed))


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
    assert len(tables.query(torch.zeros(0, 2, dtype=torch.int64))) == 0


def test_cap_bounds_a_bucket_and_reaches_every_item() -> None:
    buckets = build_buckets(torch.zeros(50, 1, dtype=torch.int64), 2)
    generator = torch.Generator().manual_seed(0)
    query = torch.zeros(200, 1, dtype=torch.int64)
    sample, item = lookup_buckets(buckets, query, cap=10, generator=generator)
    assert torch.bincount(sample).tolist() == [10] * 200
    assert set(item.tolist()) == set(range(50))


def test_limit_stops_at_the_table_that_reaches_it() -> None:
    buckets = build_buckets(torch.zeros(20, 6, dtype=torch.int64), 2)
    sample, _ = lookup_buckets(
        buckets, torch.zeros(3, 6, dtype=torch.int64), limit=41, generator=torch.Generator().manual_seed(0)
    )
    assert torch.bincount(sample).tolist() == [60] * 3


def test_cap_equal_to_the_largest_bucket_changes_nothing() -> None:
    codes = random_codes(300, 4, 4, 0)
    tables = HashTables(num_bits=4, num_tables=4)
    tables.build(codes)
    queries = random_codes(9, 4, 4, 1)
    capped = tables.query(queries, cap=300, generator=torch.Generator().manual_seed(0))
    assert as_lists(capped) == brute_force(codes, queries)


@pytest.mark.parametrize("codes", [torch.tensor([[8, 0]]), torch.tensor([[-1, 0]]), torch.tensor([[0, 0, 0]])])
def test_codes_out_of_range_or_shape_are_refused(codes: Tensor) -> None:
    with pytest.raises(ValueError, match="codes"):
        HashTables(num_bits=3, num_tables=2).build(codes)


def test_query_before_build_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="call build"):
        HashTables(num_bits=3, num_tables=2).query(torch.zeros(1, 2, dtype=torch.int64))
