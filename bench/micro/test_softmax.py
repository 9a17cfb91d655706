"""Losses over active sets, forward and backward."""

from collections.abc import Callable
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Generator, Tensor

from bench.speed.roofs import ACTIVE
from bench.speed.shapes import BATCH, HIDDEN
from mongoose.candidates import Candidates
from mongoose.ops.sampled_matmul import sampled_matmul
from mongoose.ops.softmax import ragged_softmax_cross_entropy, softmax_cross_entropy

A_SAMPLE = 512  # classes in a sample's own active set, as in SLIDE


def sets(per_sample: int, num_ids: int, generator: Generator) -> Candidates:
    """A batch of about so many random ids a sample."""
    ids = torch.randint(num_ids, (BATCH * per_sample,), generator=generator)
    return Candidates.from_pairs(torch.arange(BATCH).repeat_interleave(per_sample), ids, BATCH)


def forward_and_backward(loss: Callable[[], Tensor], *leaves: Tensor) -> Callable[[], tuple[Tensor, ...]]:
    """The loss and its gradients."""
    return lambda: (value := loss(), *torch.autograd.grad(value, leaves))


def timed_once_right(benchmark: BenchmarkFixture, work: Callable[[], Any], by_definition: Callable[..., Any]) -> None:
    for ours, definition in zip(work(), by_definition(work), strict=True):
        torch.testing.assert_close(ours, definition, rtol=1e-4, atol=1e-5)  # float32 sums in another order
    benchmark(work)


def test_shared_softmax(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    logits = torch.randn(BATCH, ACTIVE, generator=generator).requires_grad_()
    labels = sets(5, ACTIVE, generator)
    log_inclusion = -torch.rand(ACTIVE, generator=generator)
    work = forward_and_backward(lambda: softmax_cross_entropy(logits, labels, log_inclusion), logits)
    timed_once_right(benchmark, work, by_definition)


def test_ragged_softmax(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    labels = sets(5, 100_000, generator)
    members = sets(A_SAMPLE, 100_000, generator).union(labels)
    logits = torch.randn(len(members.ids), generator=generator).requires_grad_()
    work = forward_and_backward(lambda: ragged_softmax_cross_entropy(logits, members, labels), logits)
    timed_once_right(benchmark, work, by_definition)


def test_sampled_matmul(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    pairs = sets(A_SAMPLE, 20_000, generator)
    x = torch.randn(BATCH, HIDDEN, generator=generator).requires_grad_()
    rows = torch.randn(20_000, HIDDEN, generator=generator).requires_grad_()
    work = forward_and_backward(lambda: sampled_matmul(x, rows, pairs).square().mean(), x, rows)
    timed_once_right(benchmark, work, by_definition)
