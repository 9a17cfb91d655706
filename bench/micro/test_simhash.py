"""Hash codes of all rows, and the bits in which codes differ."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Generator, Tensor

from bench.micro.conftest import NUM_BITS, NUM_TABLES
from mongoose.ops.simhash import bit_distance, simhash


def test_simhash(
    benchmark: BenchmarkFixture, backend: str, rows: Tensor, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    planes = torch.randn(rows.shape[1], NUM_BITS * NUM_TABLES, generator=generator)
    work = partial(simhash, rows, planes, NUM_TABLES)
    differing = (work() != by_definition(work)).float().mean()
    assert float(differing) < 1e-4  # a bit may differ where a projection is within rounding of 0
    benchmark(work)


def test_bit_distance(
    benchmark: BenchmarkFixture, backend: str, codes: Tensor, by_definition: Callable[..., Any]
) -> None:
    work = partial(bit_distance, codes, codes.roll(1, 0))
    assert torch.equal(work(), by_definition(work))
    benchmark(work)
