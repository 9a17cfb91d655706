"""Buckets of all rows, and a batch of look-ups."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.micro.conftest import NUM_BITS, NUM_TABLES
from bench.speed.shapes import BATCH
from mongoose.ops.buckets import build_buckets
from mongoose.tables import HashTables


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
