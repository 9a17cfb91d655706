"""LSH attention on kernels against its definition: outputs, gradients, and a language model that is trained with it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.arguments import Launch
from cuda_kernels.emulator import run
from mongoose.nn.attention import sort_by_bucket
from mongoose.nn.transformer_lm import TransformerLM, attention_maker
from mongoose.ops.backend import Backend, using
from mongoose.ops.lsh_attention import lsh_attention, lsh_attention_gradients

Both = Callable[..., tuple[Any, Any]]
HEADS = 3
TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.float64: {"rtol": 1e-10, "atol": 1e-10},
    torch.bfloat16: {"rtol": 1e-2, "atol": 1e-2},  # results are rounded once, and attention before it is a factor
}
TYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
MASKS: dict[str, dict[str, bool]] = {
    "none": {},
    "causal": {"causal": True},
    "padding": {"padding": True},
    "causal-padding-within": {"causal": True, "padding": True, "within": True},
}


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def settings(
    length: int,
    rounds: int,
    chunk: int,
    *,
    heads: int = HEADS,
    causal: bool = False,
    padding: bool = False,
    within: bool = False,
) -> tuple[Any, ...]:
    """What the op is told beside queries and values. With padding, the heads' lengths differ, and one has nothing."""
    codes = torch.randint(max(2, length // 8), (heads, length, rounds), generator=Generator().manual_seed(length)).int()
    ends = torch.tensor([length, length * 2 // 3, 0])[torch.arange(heads) % 3].unsqueeze(1)
    exists = torch.arange(length) < ends if padding else None
    with using("reference"):
        order = sort_by_bucket(codes, 1 << 16, exists)
    return order, codes.transpose(1, 2).contiguous() if within else None, chunk, 0.3, causal


def compare(both: Both, qk: Tensor, told: tuple[Any, ...]) -> None:
    """Output, log-sum-exp, and gradients of an upstream gradient."""
    v, upstream = (normal(*qk.shape, dtype=qk.dtype, seed=seed) for seed in (1, 2))
    reference, kernel = both(lsh_attention, qk, v, *told)
    torch.testing.assert_close(kernel, reference, **TOLERANCE[qk.dtype])
    reference, kernel = both(lsh_attention_gradients, upstream, qk, v, *reference, *told)
    torch.testing.assert_close(kernel, reference, **TOLERANCE[qk.dtype])


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 127])
@TYPES
def test_attention_is_the_definition(both: Both, dtype: torch.dtype, length: int, masks: str) -> None:
    compare(both, normal(HEADS, length, 6, dtype=dtype), settings(length, 3, 12, **MASKS[masks]))


@pytest.mark.parametrize("chunk", [1, 31, 33, 64, 110])
@TYPES
def test_chunks_of_any_size(both: Both, dtype: torch.dtype, chunk: int) -> None:
    """Of one row of a block, of a block, and of several; the columns of a block are more than it takes at a time."""
    length = min(100, 20 * chunk)
    compare(both, normal(1, length, 5, dtype=dtype), settings(length, 2, chunk, heads=1, causal=True))


@pytest.mark.parametrize("dim", [0, 1, 31, 33, 64, 65])
@TYPES
def test_heads_of_any_width(both: Both, dtype: torch.dtype, dim: int) -> None:
    compare(both, normal(1, 40, dim, dtype=dtype), settings(40, 2, 15, heads=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("length", "rounds", "chunk"), [(127, 6, 16), (1000, 2, 64)])
def test_long_sequences_and_many_rounds(both: Both, length: int, rounds: int, chunk: int, dtype: torch.dtype) -> None:
    compare(both, normal(1, length, 8, dtype=dtype), settings(length, rounds, chunk, heads=1, causal=True))


def test_large_scores_do_not_overflow(both: Both) -> None:
    compare(both, 1e4 * normal(2, 33, 5, dtype=torch.float64), settings(33, 2, 8, heads=2))


def test_queries_too_short_to_be_lengthened(both: Both) -> None:
    """And none at all: their keys are not of length 1, and their length has a gradient."""
    qk = normal(2, 33, 5, dtype=torch.float64)
    qk[:, ::3] *= 1e-8
    qk[:, 5] = 0
    compare(both, qk, settings(33, 2, 8, heads=2))


@pytest.mark.parametrize("causal", [False, True])
def test_buckets_of_any_int32(both: Both, causal: bool) -> None:
    """Codes that differ by a multiple of 2³¹, and in sign, are not the same bucket; a position of the least exists.

    The first one, which meets nobody where that is causal, is of bucket −2³¹ in chunk 0 of every round.
    """
    codes = torch.randint(6, (2, 33, 2), generator=Generator().manual_seed(33)).int()
    codes[:, 0] = 0
    with using("reference"):
        order = sort_by_bucket(codes, 6)
    extremes = torch.tensor([-(2**31), -(2**31) + 1, -1, 0, 1, 2**31 - 1]).int()
    compare(both, normal(2, 33, 5), (order, extremes[codes.transpose(1, 2).long()], 8, 0.3, causal))


def test_one_bucket_in_a_chunk_is_exact_attention(device: torch.device) -> None:
    qk, v = normal(2, 40, 8, dtype=torch.float64), normal(2, 40, 8, dtype=torch.float64, seed=1)
    order = torch.arange(40).int().expand(2, 2, 40)
    mask = ~torch.eye(40, dtype=torch.bool)
    key = torch.nn.functional.normalize(qk, dim=2)
    exact = torch.nn.functional.scaled_dot_product_attention(qk, key, v, mask, scale=0.3)
    out, _ = lsh_attention(*(t.to(device) for t in (qk, v, order)), None, 40, 0.3, False)
    torch.testing.assert_close(out.cpu(), exact)


def test_gradients_are_the_same_bits_every_time(device: torch.device) -> None:
    qk, v, upstream = (normal(1, 65, 6, seed=seed) for seed in range(3))
    told = [t.to(device) if isinstance(t, Tensor) else t for t in settings(65, 3, 16, heads=1, causal=True)]
    leaves = [t.to(device).requires_grad_() for t in (qk, v)]
    first, again = (
        torch.autograd.grad(lsh_attention(*leaves, *told)[0], leaves, upstream.to(device)) for _ in range(2)
    )
    assert all(map(torch.equal, first, again))


def test_positions_beyond_the_sequence_are_refused() -> None:
    qk = torch.zeros(1, 4, 2)
    with using("emulated"), pytest.raises(ValueError, match="order holds 4 … 4"):  # a GPU would stop for good
        lsh_attention(qk, qk, torch.full((1, 1, 4), 4).int(), None, 2, 1.0, True)


def losses(backend: Backend) -> tuple[list[float], Tensor]:
    """Of four steps of a tiny language model on 0w0w, and the output layer's weights after them."""
    generator, hashes = Generator().manual_seed(0), Generator().manual_seed(1)
    make = attention_maker("lsh", 16, heads=2, length=40, generator=generator, hash_generator=hashes, rounds=2, chunk=8)
    network = TransformerLM(16, depth=1, attention=make, generator=generator, symbols=16)
    word = torch.randint(1, 16, (2, 20), generator=generator)
    tokens, found = torch.cat([word, word, word[:, :1]], 1), []
    optimizer = torch.optim.SGD(network.own_parameters(), lr=0.3)
    with using(backend):
        for _ in range(4):
            loss = network.loss(tokens)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(float(loss.detach()))
    return found, network.output.weight.detach()


def test_a_language_model_trains_as_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing, sorting and attention, forward and backward: the losses of the definitions to 1 in 100,000."""
    launched: set[str] = set()

    def noted(asked: Launch, launch: Callable[[Launch], None] = run.run) -> None:
        launched.add(asked.kernel.name)
        launch(asked)

    monkeypatch.setattr(run, "run", noted)
    (reference, weights), (found, after) = losses("reference"), losses("emulated")
    assert found == pytest.approx(reference, rel=1e-5)
    torch.testing.assert_close(after, weights, rtol=1e-3, atol=1e-4)
    assert reference[-1] < 0.9 * reference[0]  # there is something to agree on
    attention = {"attend_chunks", "attention_of_queries", "attention_of_keys", "mark_places", "row_products"}
    assert launched >= attention | {"cross_polytope", "move_by_digit"}, launched
