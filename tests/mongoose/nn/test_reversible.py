"""Reversible blocks: the same gradients, in memory that does not grow with depth."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mongoose.nn.lsh_attention import LSHAttention
from mongoose.nn.reversible import FeedForward, ResidualBlock, ReversibleSequence


class Live(TorchDispatchMode):
    """The most bytes that tensors made in this block held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self.held[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.held = {key: (ref, size) for key, (ref, size) in self.held.items() if not ref.expired()}
        self.peak = max(self.peak, sum(size for _, size in self.held.values()))
        return out


@contextmanager
def live() -> Iterator[Live]:
    with Live() as mode:
        yield mode


def network(
    depth: int,
    dim: int,
    *,
    reversible: bool,
    dropout: float = 0.0,
    pieces: int = 1,
    chunk: int = 16,
    rounds: int = 2,
    heads_at_once: int | None = None,
) -> ReversibleSequence:
    generator, hashes = Generator().manual_seed(0), Generator().manual_seed(1)
    blocks = []
    for _ in range(depth):
        attention = LSHAttention(
            dim,
            heads=2,
            generator=generator,
            hash_generator=hashes,
            rounds=rounds,
            chunk=chunk,
            dropout=dropout,
            heads_at_once=heads_at_once,
        )
        f = nn.Sequential(nn.LayerNorm(dim), attention)
        g = nn.Sequential(nn.LayerNorm(dim), FeedForward(dim, 2 * dim, generator=generator, pieces=pieces))
        blocks.append(ResidualBlock(f, g))
    return ReversibleSequence(blocks, reversible=reversible)


def run(model: ReversibleSequence, x: Tensor) -> list[Tensor]:
    torch.manual_seed(3)
    x = x.clone().requires_grad_()
    out = model(x)
    out.square().sum().backward()
    return [out.detach(), *(p.grad for p in (x, *model.parameters()))]  # type: ignore[list-item]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("pieces", [1, 3])
def test_gradients_are_those_of_the_ordinary_network(pieces: int, dropout: float) -> None:
    """Of LSH attention with hash functions drawn at every call, and of dropout: both are restored."""
    x = torch.randn(2, 70, 16, dtype=torch.float64, generator=Generator().manual_seed(2))
    ordinary = run(network(3, 16, reversible=False, dropout=dropout, pieces=1).double(), x)
    for heads_at_once in (None, 1):
        model = network(3, 16, reversible=True, dropout=dropout, pieces=pieces, heads_at_once=heads_at_once)
        for found, expected in zip(run(model.double(), x), ordinary, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_the_random_source_goes_on_as_after_an_ordinary_network() -> None:
    x = torch.randn(1, 20, 16)
    after = []
    for reversible in (False, True):
        run(network(2, 16, reversible=reversible, dropout=0.3), x)
        after.append(torch.get_rng_state())
    assert torch.equal(*after)


def test_a_module_that_occurs_twice_gets_both_gradients() -> None:
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    shared = nn.Linear(8, 8).double()
    results = []
    for reversible in (False, True):
        shared.zero_grad()
        results.append(run(ReversibleSequence([ResidualBlock(shared, shared)] * 2, reversible=reversible), x))
    torch.testing.assert_close(results[1], results[0])


def peak(depth: int, *, reversible: bool, pieces: int = 1) -> int:
    model = network(depth, 32, reversible=reversible, pieces=pieces, chunk=64, rounds=1)
    x = torch.randn(2, 2048, 32)
    with live() as memory:
        run(model, x)
    return memory.peak


def test_memory_does_not_grow_with_depth() -> None:
    """Of all that is held, parameters' gradients and orders of buckets too."""
    assert peak(12, reversible=True) <= 1.1 * peak(2, reversible=True)
    assert peak(12, reversible=False) > 4 * peak(2, reversible=False)


def feed_forward(pieces: int) -> tuple[list[Tensor], int]:
    layer, x = FeedForward(16, 256, generator=Generator().manual_seed(0), pieces=pieces), torch.ones(2, 999, 16)
    x.requires_grad_()
    with live() as memory:
        out = layer(x)
        gradients = torch.autograd.grad(out.sum(), [x, *layer.parameters()])
    return [out.detach(), *gradients], memory.peak


def test_feed_forward_by_pieces_is_the_same_in_less_memory() -> None:
    (whole, much), (pieces, less) = feed_forward(1), feed_forward(8)
    torch.testing.assert_close(pieces, whole, rtol=1e-4, atol=1e-4)
    assert less < much / 3
