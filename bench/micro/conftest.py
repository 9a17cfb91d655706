"""Backends to time, and inputs of realistic size."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Generator, Tensor

from bench.speed.shapes import HIDDEN
from mongoose.native.build import KernelBuildError
from mongoose.ops import backend as ops

NUM_ROWS = 100_000
NUM_BITS, NUM_TABLES = 12, 16


@pytest.fixture(params=["reference", "cpu"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test on each backend; skipped, with the reason, where it cannot be built."""
    try:
        with ops.using(request.param) as used:
            yield used
    except KernelBuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def generator() -> Generator:
    return Generator().manual_seed(0)


@pytest.fixture
def rows(generator: Generator) -> Tensor:
    """[NUM_ROWS, HIDDEN] float32."""
    return torch.randn(NUM_ROWS, HIDDEN, generator=generator)


@pytest.fixture
def codes(generator: Generator) -> Tensor:
    """[NUM_ROWS, NUM_TABLES] int32 in [0, 2**NUM_BITS)."""
    return torch.randint(2**NUM_BITS, (NUM_ROWS, NUM_TABLES), generator=generator, dtype=torch.int32)


@pytest.fixture
def by_definition() -> Callable[[Callable[[], object]], object]:
    """Runs something on backend `reference`, to compare with before the clock starts."""

    def run(work: Callable[[], object]) -> object:
        with ops.using("reference"):
            return work()

    return run
