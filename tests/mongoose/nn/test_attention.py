"""Attention layers: what each attends to, that padding changes nothing, and where all forms are the same."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.simhash import SimHash
from mongoose.nn.ablations import RandomAttention, TopKAttention
from mongoose.nn.attention import FullAttention, LocalAttention, SharedQKAttention
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.nn.replay import Tape

DIM, HEADS = 32, 4
Make = Callable[..., SharedQKAttention]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def lsh(**settings: Any) -> LSHAttention:
    return LSHAttention(DIM, heads=HEADS, generator=seeded(), hash_generator=seeded(1), **settings)


def full(**settings: Any) -> FullAttention:
    return FullAttention(DIM, heads=HEADS, generator=seeded(), **settings)


def local(**settings: Any) -> LocalAttention:
    return LocalAttention(DIM, heads=HEADS, generator=seeded(), **({"chunk": 8} | settings))


def random(**settings: Any) -> RandomAttention:
    return RandomAttention(DIM, heads=HEADS, generator=seeded(), hash_generator=seeded(1), **settings)


def topk(**settings: Any) -> TopKAttention:
    return TopKAttention(DIM, heads=HEADS, generator=seeded(), **({"best": 5} | settings))


FORMS: dict[str, Make] = {
    "full": full,
    "local": local,
    "lsh": partial(lsh, chunk=8, rounds=2),
    "lsh-within": partial(lsh, chunk=8, rounds=2, within_buckets=True),
    "lsh-simhash": partial(lsh, chunk=8, rounds=1, family=SimHash),
    "lsh-fixed": partial(lsh, chunk=8, rounds=2, redraw=False, num_bits=3),
    "random": partial(random, chunk=8, rounds=2),
    "topk": topk,
}
each_form = pytest.mark.parametrize("form", FORMS)
both_ways = pytest.mark.parametrize("causal", [False, True])


def draw(length: int, batch: int = 2, seed: int = 5) -> Tensor:
    return torch.randn(batch, length, DIM, generator=seeded(seed))


@both_ways
@pytest.mark.parametrize("length", [1, 2, 40])
@pytest.mark.parametrize("chunk", [40, 100])
def test_where_all_positions_fit_a_chunk_every_form_is_exact(chunk: int, length: int, causal: bool) -> None:
    x, results = draw(length).requires_grad_(), []
    hashed = [make(chunk=chunk, rounds=3, causal=causal) for make in (lsh, random)]
    for layer in (full(causal=causal), local(chunk=chunk, causal=causal), topk(best=chunk, causal=causal), *hashed):
        out = layer(x)
        results.append((out, *torch.autograd.grad(out.square().sum(), [x, *layer.parameters()])))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-4, atol=1e-5)


def test_lsh_attention_is_not_full_attention_where_it_need_not_be() -> None:
    assert not torch.allclose(lsh(chunk=8)(draw(64)), full()(draw(64)), atol=1e-3)


@each_form
@both_ways
def test_padding_changes_nothing(form: str, causal: bool) -> None:
    """Neither what it holds nor how much there is; a fresh layer each time draws the same hash functions."""
    fixed: dict[str, Any] = {"num_bits": 3} if form.startswith(("lsh", "random")) else {}
    x = draw(37)
    alone = FORMS[form](causal=causal, **fixed)(x)
    for padding in (torch.zeros(2, 13, DIM), draw(13, seed=7)):
        exists = (torch.arange(50) < 37).expand(2, 50)
        padded = FORMS[form](causal=causal, **fixed)(torch.cat([x, padding], 1), exists)
        torch.testing.assert_close(padded[:, :37], alone)
        assert not padded[:, 37:].any()


@each_form
def test_causal_attention_knows_nothing_of_what_comes_later(form: str) -> None:
    """By gradients, since other later positions would move the others to other chunks."""
    x = draw(50).requires_grad_()
    (gradient,) = torch.autograd.grad(FORMS[form](causal=True)(x)[:, 20].sum(), x)
    assert not gradient[:, 21:].any()
    assert gradient[:, :21].any()


def test_local_attention_reaches_two_chunks() -> None:
    x = draw(50).requires_grad_()
    (gradient,) = torch.autograd.grad(local(causal=True)(x)[:, 20].sum(), x)
    reached = gradient.abs().sum((0, 2)) > 0
    assert reached.nonzero().squeeze(1).tolist() == list(range(8, 21))


@each_form
def test_dropout_zeroes_the_same_in_every_form(form: str) -> None:
    layer, x = FORMS[form](dropout=0.5), draw(50)
    torch.manual_seed(0)
    kept = layer(x) != 0
    torch.manual_seed(0)
    expected = torch.nn.functional.dropout(torch.ones(2, 50, DIM), 0.5) != 0
    assert torch.equal(kept, expected)
    assert (layer.eval()(x) != 0).all()


@each_form
def test_all_forms_have_the_same_parameters(form: str) -> None:
    for (name, ours), (other, theirs) in zip(FORMS[form]().named_parameters(), full().named_parameters(), strict=True):
        assert name == other
        assert torch.equal(ours, theirs)


@each_form
@pytest.mark.parametrize("padded", [False, True])
def test_few_heads_at_once_are_the_same(form: str, padded: bool) -> None:
    """Outputs and gradients, and what is drawn: heads share hash functions still."""
    x, results = draw(40).requires_grad_(), []
    exists = (torch.arange(40) < 30).expand(2, 40) if padded else None
    for at_once in (None, 1, 2):
        layer = FORMS[form](heads_at_once=at_once)
        for _ in range(2):  # the second call draws after what the first one drew
            out = layer(x, exists)
        results.append((out, *torch.autograd.grad(out.square().sum(), [x, *layer.parameters()], allow_unused=True)))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-4, atol=1e-5)


def test_hash_functions_are_drawn_anew_or_kept() -> None:
    qk = torch.randn(HEADS, 64, DIM // HEADS, generator=seeded())
    drawn, kept = lsh(chunk=8), lsh(chunk=8, redraw=False, num_bits=3)
    for layer, same in ((drawn, False), (kept, True)):
        first = layer.buckets(qk)
        layer.begin()
        assert torch.equal(first, layer.buckets(qk)) == same


def test_replayed_buckets_are_those_of_the_forward_pass_though_queries_differ() -> None:
    layer, tape, x = lsh(chunk=8, rounds=2, within_buckets=True), Tape(), draw(64)
    with tape.recording():
        first = layer(x)
    with tape.replaying():
        again = layer(x)
    assert torch.equal(first, again)
    state = layer.hash_generator.get_state()
    with tape.replaying():
        layer(draw(64, seed=8))
    assert torch.equal(state, layer.hash_generator.get_state())
    assert len(tape.decisions) == 1


def test_a_replay_that_decides_otherwise_is_refused() -> None:
    layer, tape = lsh(chunk=8), Tape()
    with tape.recording():
        layer(draw(9))
    with pytest.raises(RuntimeError, match="more often than the forward pass, 1 times"), tape.replaying():
        layer(layer(draw(9)))
    with pytest.raises(RuntimeError, match="less often than the forward pass, 1 times"), tape.replaying():
        pass


def test_buckets_hold_a_chunk_on_average_unless_told_otherwise() -> None:
    assert [lsh(chunk=64).bits(length) for length in (1, 64, 1024, 1500, 32768)] == [1, 1, 4, 5, 9]
    assert lsh(chunk=64, num_bits=7).bits(1) == 7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"heads": 5}, "dim=32 with heads=5"),
        ({"heads": 4, "heads_at_once": 3}, "heads_at_once=3 of 4"),
        ({"heads": 4, "redraw": False}, "num_bits=None with redraw=False"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LSHAttention(DIM, generator=seeded(), hash_generator=seeded(), **settings)


def test_top_k_attention_pays_to_the_best_alone() -> None:
    """Query by query: the soft-max of the largest scores among those before it; the first attends to itself."""
    layer, x = topk(best=3), draw(12, batch=1)
    qk = (x[0] @ layer.to_qk.weight.t()).view(12, HEADS, -1)
    v = (x[0] @ layer.to_v.weight.t()).view(12, HEADS, -1)
    out = torch.zeros_like(v)
    for head in range(HEADS):
        for i in range(12):
            others = list(range(i)) or [0]
            scores = torch.stack([qk[i, head] @ qk[j, head] / qk[j, head].norm() for j in others]) * layer.scale
            best = scores.topk(min(3, len(others)))
            out[i, head] = best.values.softmax(0) @ v[torch.tensor(others)[best.indices], head]
    torch.testing.assert_close(layer(x)[0], out.flatten(1) @ layer.to_out.weight.t(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="at least one position"):
        topk(best=0)


def test_buckets_by_lot_say_nothing_of_the_queries() -> None:
    qk = torch.randn(HEADS, 64, DIM // HEADS, generator=seeded())
    first, second = random(chunk=8, rounds=2), random(chunk=8, rounds=2)
    order = first.buckets(qk)
    assert torch.equal(order, second.buckets(-3 * qk.roll(1, 1)))
    assert torch.equal(order, first.buckets(qk))  # of the same forward pass
    first.begin()
    assert not torch.equal(order, first.buckets(qk))
