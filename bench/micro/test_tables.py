"""Buckets of all rows, a batch of look-ups, and what becomes of the items found."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Generator, Tensor

from bench.micro.conftest import NUM_BITS, NUM_ROWS, NUM_TABLES
from bench.speed.roofs import ACTIVE
from bench.speed.shapes import BATCH
from mongoose.candidates import Candidates
from mongoose.ops.buckets import build_buckets
from mongoose.ops.rerank import rerank
from mongoose.ops.sets import distinct
from mongoose.ops.shortlist import describe_rows
from mongoose.tables import HashTables

FOUND = 500  # candidates a query, about what 16 tables of 4,096 buckets give


def test_build_buckets(
    benchmark: BenchmarkFixture, backend: str, codes: Tensor, by_definition: Callable[..., Any]
) -> None:
    work = partial(build_buckets, codes, 2**NUM_BITS)
    for ours, definition in zip(work(), by_definition(work), strict=True):
        assert torch.equal(ours, definition)
    benchmark(work)


def test_query(benchmark: BenchmarkFixture, backend: str, codes: Tensor, by_definition: Callable[..., Any]) -> None:
    tables = HashTables(num_bits=NUM_BITS, num_tables=NUM_TABLES)
    tables.build(codes)
    work = partial(tables.query, codes[:BATCH])
    assert torch.equal(work().ids, by_definition(work).ids)
    benchmark(work)


def test_rerank(
    benchmark: BenchmarkFixture, backend: str, rows: Tensor, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    found = Candidates.from_pairs(
        torch.arange(BATCH).repeat_interleave(FOUND),
        torch.randint(len(rows), (BATCH * FOUND,), generator=generator),
        BATCH,
    )
    x = torch.randn(BATCH, rows.shape[1], generator=generator)
    work = partial(rerank, x, rows, torch.zeros(len(rows)), found.ids, found.offsets, 8)
    same = torch.isin(work()[0], by_definition(work)[0]).float().mean()
    assert float(same) > 0.999  # scores within rounding of each other may change places
    benchmark(work)


def test_distinct(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    ids = torch.randint(NUM_ROWS, (ACTIVE,), generator=generator)
    work = partial(distinct, ids, NUM_ROWS)
    assert torch.equal(work()[0], by_definition(work)[0])
    benchmark(work)


def test_retrieve(
    benchmark: BenchmarkFixture,
    backend: str,
    codes: Tensor,
    rows: Tensor,
    generator: Generator,
    by_definition: Callable[..., Any],
) -> None:
    tables = HashTables(num_bits=NUM_BITS, num_tables=NUM_TABLES)
    tables.build(codes)
    x = torch.randn(BATCH, rows.shape[1], generator=generator)
    digests = describe_rows(rows, codes, NUM_BITS, rows.mean(0), x.mean(0))
    estimate = {"shortlist": 32, "digests": digests, "radius": x.norm(dim=1)}
    work = partial(tables.retrieve, x, rows, torch.zeros(len(rows)), codes[:BATCH], keep=8, **estimate)
    same = torch.isin(work().ids, by_definition(work).ids).float().mean()
    assert float(same) > 0.999  # scores within rounding of each other may change places
    benchmark(work)
