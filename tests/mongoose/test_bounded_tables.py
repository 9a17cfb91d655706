"""What queries see of buckets that are bounded: the last items, or a uniform sample; and of the others, everything."""

import pytest
import torch
from torch import Tensor

from mongoose.bounded_tables import Bounded, BoundedTables
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import Rows

CAPACITY = 5


def make(codes: Tensor, full: Bounded, *, capacity: int = CAPACITY, seed: int = 0, num_bits: int = 2) -> BoundedTables:
    tables = BoundedTables(
        num_bits=num_bits,
        num_tables=codes.shape[1],
        capacity=capacity,
        full=full,
        generator=torch.Generator().manual_seed(seed),
    )
    tables.build(codes.clone())
    return tables


def random_codes(rows: int, tables: int, bits: int, seed: int) -> Tensor:
    return torch.randint(2**bits, (rows, tables), generator=torch.Generator().manual_seed(seed), dtype=torch.int32)


def bucket(tables: BoundedTables, table: int, code: int, cap: int | None = None) -> list[int]:
    """What a query sees of one bucket."""
    codes = torch.full((1, tables.num_tables), code, dtype=torch.int32)
    found: list[int] = tables.query(codes, tables=torch.tensor([[table]]), cap=cap).ids.tolist()
    return found


def test_a_full_fifo_bucket_shows_its_last_items() -> None:
    codes = random_codes(60, 3, 2, 0)
    tables = make(codes, "fifo")
    for table in range(3):
        for code in range(4):
            members = (codes[:, table] == code).nonzero().flatten().tolist()
            assert len(members) > CAPACITY
            assert bucket(tables, table, code) == members[-CAPACITY:]


@pytest.mark.parametrize("moved", [1, 30])
def test_after_an_update_fifo_buckets_are_as_if_all_were_inserted_anew(moved: int) -> None:
    codes, ids = random_codes(60, 2, 2, 0), torch.arange(10, 10 + moved)
    tables = make(codes, "fifo")
    codes[ids] = random_codes(moved, 2, 2, 1)
    tables.update(ids, codes[ids])
    fresh = make(codes, "fifo")
    assert [bucket(tables, 1, code) for code in range(4)] == [bucket(fresh, 1, code) for code in range(4)]


@pytest.mark.parametrize("full", ["fifo", "reservoir"])
def test_buckets_that_are_not_full_show_everything(full: Bounded) -> None:
    codes = random_codes(200, 4, 6, 0)
    capacity = int(max(torch.bincount(column).max() for column in codes.t()))
    tables, queries = make(codes, full, capacity=capacity, num_bits=6), random_codes(9, 4, 6, 1)
    found = tables.query(queries)
    for b, query in enumerate(queries):
        wanted = (codes == query).any(1).nonzero().flatten().tolist()
        assert found.ids[found.samples == b].tolist() == wanted


def test_a_reservoir_keeps_every_item_as_probably_and_in_each_table_another_sample() -> None:
    """2,000 tables with a bucket of 20 items and one of 3: each of 20 stays in 5 of 20, whatever another table's."""
    count, share = 2000, CAPACITY / 20
    codes = torch.tensor([0] * 20 + [1] * 3, dtype=torch.int32).unsqueeze(1).expand(-1, count)
    tables, each = make(codes, "reservoir"), torch.arange(count).unsqueeze(1)
    full, small = (tables.query(torch.full((count, count), code, dtype=torch.int32), tables=each) for code in (0, 1))
    kept = torch.zeros(count, 20, dtype=torch.bool).index_put((full.samples, full.ids), torch.tensor(True))
    assert kept.sum(1).tolist() == [CAPACITY] * count
    assert small.ids.tolist() == [20, 21, 22] * count
    for found, wanted in ((kept, share), (kept[::2] & kept[1::2], share**2)):
        sigma = (wanted * (1 - wanted) / len(found)) ** 0.5
        assert bool(((found.double().mean(0) - wanted).abs() < 4 * sigma).all())


def test_a_sample_lasts_until_the_next_build_and_an_update_takes_another() -> None:
    codes = torch.zeros(200, 1, dtype=torch.int32)
    tables = make(codes, "reservoir", capacity=20)
    first = bucket(tables, 0, 0)
    assert first == bucket(tables, 0, 0)
    assert set(bucket(tables, 0, 0, cap=7)) < set(first)
    tables.update(torch.empty(0, dtype=torch.int64), codes[:0])
    assert first == bucket(tables, 0, 0)
    tables.update(torch.tensor([3]), torch.ones(1, 1, dtype=torch.int32))
    assert bucket(tables, 0, 0) != first
    assert bucket(tables, 0, 1) == [3]


def test_the_best_of_what_is_seen_is_retrieved() -> None:
    codes, weight = random_codes(60, 2, 2, 0), torch.randn(60, 8, generator=torch.Generator().manual_seed(1))
    tables, x = make(codes, "fifo"), torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
    queries = random_codes(6, 2, 2, 3)
    seen, best = tables.query(queries), tables.retrieve(x, weight, torch.zeros(60), queries, keep=1)
    for b in range(6):
        ids = seen.ids[seen.samples == b]
        assert best.ids[best.samples == b].tolist() == [int(ids[(weight[ids] @ x[b]).argmax()])]


@pytest.mark.parametrize("full", ["fifo", "reservoir"])
def test_an_index_built_anew_for_a_comparison_has_such_buckets_and_disturbs_none(full: Bounded) -> None:
    weight, x = (torch.randn(count, 8, generator=torch.Generator().manual_seed(count)) for count in (300, 20))
    index = LSHIndex(SimHash(8, num_bits=2, num_tables=3, generator=torch.Generator().manual_seed(1)), Always())
    index.tables = tables = make(random_codes(300, 3, 2, 0), full).unbuilt()
    assert not tables.built
    index.refresh(0, weight, Rows.ALL)
    state = tables.generator.get_state()
    found, fresh = index.query(x), index.rebuilt(weight).query(x)
    assert torch.equal(state, tables.generator.get_state())
    assert fresh.counts.max() <= 3 * CAPACITY
    assert torch.equal(found.ids, fresh.ids) == (full == "fifo")


def test_another_kind_of_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match="full='lifo'"):
        make(random_codes(3, 2, 2, 0), "lifo")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="capacity=0"):
        make(random_codes(3, 2, 2, 0), "fifo", capacity=0)
