"""Losses over active sets, and products with the rows that ragged sets name, forward and backward."""

from collections.abc import Callable
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Generator, Tensor

from bench.speed.roofs import ACTIVE
from bench.speed.shapes import BATCH, HIDDEN
from mongoose.candidates import Candidates
from mongoose.ops.softmax import ragged_softmax_cross_entropy, shared_softmax_cross_entropy
from mongoose.ops.sparse_matmul import embedding_bag, sampled_matmul

A_SAMPLE = 512  # classes in a sample's own active set, as in SLIDE


def sets(per_sample: int, num_ids: int, generator: Generator) -> Candidates:
    """A batch of about so many random ids a sample."""
    ids = torch.randint(num_ids, (BATCH * per_sample,), generator=generator)
    return Candidates.from_pairs(torch.arange(BATCH).repeat_interleave(per_sample), ids, BATCH)


def forward_and_backward(loss: Callable[[], Tensor], *leaves: Tensor) -> Callable[[], tuple[Tensor, ...]]:
    """The loss and its gradients."""
    return lambda: (value := loss(), *torch.autograd.grad(value, leaves))


def timed_once_right(benchmark: BenchmarkFixture, work: Callable[[], Any], by_definition: Callable[..., Any]) -> None:
    """Times what agrees with the definition within 2 % of its length: products may be in bfloat16."""
    for ours, definition in zip(work(), by_definition(work), strict=True):
        ours, definition = ours.to_dense(), definition.to_dense()
        assert float((ours - definition).norm()) < 0.02 * float(definition.norm())
    benchmark(work)


def test_shared_softmax(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, by_definition: Callable[..., Any]
) -> None:
    x = torch.randn(BATCH, HIDDEN, generator=generator).requires_grad_()
    rows = torch.randn(ACTIVE, HIDDEN, generator=generator).mul_(0.05).requires_grad_()
    bias = torch.zeros(ACTIVE).requires_grad_()
    labels, log_inclusion = sets(5, ACTIVE, generator), -torch.rand(ACTIVE, generator=generator)
    work = forward_and_backward(
        lambda: shared_softmax_cross_entropy(x, rows, bias, labels, log_inclusion), x, rows, bias
    )
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
    benchmark: BenchmarkFixture, backend: str, generator: Generator, rows: Tensor, by_definition: Callable[..., Any]
) -> None:
    pairs = sets(A_SAMPLE, len(rows), generator)
    x = torch.randn(BATCH, HIDDEN, generator=generator).requires_grad_()
    rows.requires_grad_()
    work = forward_and_backward(lambda: sampled_matmul(x, rows, pairs.ids, pairs.offsets).square().mean(), x, rows)
    timed_once_right(benchmark, work, by_definition)


def test_embedding_bag(
    benchmark: BenchmarkFixture, backend: str, generator: Generator, rows: Tensor, by_definition: Callable[..., Any]
) -> None:
    words = sets(75, len(rows), generator)
    values = torch.rand(len(words.ids), generator=generator)
    rows.requires_grad_()
    work = forward_and_backward(lambda: embedding_bag(rows, words.ids, values, words.offsets).square().mean(), rows)
    timed_once_right(benchmark, work, by_definition)
