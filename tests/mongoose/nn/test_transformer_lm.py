"""Language models that differ in attention alone: they start alike, learn, and cannot look ahead."""

from typing import Any, get_args

import pytest
import torch
from torch import Generator, Tensor

from mongoose.nn.positions import AxialPositions, FixedPositions
from mongoose.nn.transformer_lm import Attention, TransformerLM, attention_maker

KINDS = get_args(Attention)
each_kind = pytest.mark.parametrize("kind", KINDS)


def model(kind: Any, *, dim: int = 32, depth: int = 2, chunk: int = 8, **settings: Any) -> TransformerLM:
    generator, hashes = Generator().manual_seed(0), Generator().manual_seed(1)
    make = attention_maker(
        kind, dim, heads=2, length=64, generator=generator, hash_generator=hashes, rounds=2, chunk=chunk
    )
    return TransformerLM(dim, depth=depth, attention=make, generator=generator, **({"symbols": 16} | settings))


def words(count: int, seed: int = 0) -> Tensor:
    """[count, 41]: 0 w 0 w, w of length 19 and 15 symbols; and a last 0."""
    word = torch.randint(1, 16, (count, 20), generator=Generator().manual_seed(seed))
    word[:, 0] = 0
    return torch.cat([word, word, word[:, :1]], 1)


@each_kind
def test_models_start_with_the_same_weights(kind: Any) -> None:
    ours, full = model(kind), model("full")
    for one, other in zip(ours.own_parameters(), full.parameters(), strict=True):
        assert torch.equal(one, other)


@each_kind
def test_a_token_does_not_hang_on_later_ones(kind: Any) -> None:
    """By gradients of what is embedded; other later tokens could move the earlier ones to other chunks."""
    network, tokens = model(kind, reversible=False), words(1)
    embedded: list[Tensor] = []
    network.embedding.register_forward_hook(lambda *given: embedded.append(given[2].retain_grad() or given[2]))
    network(tokens)[:, 20].sum().backward()
    assert embedded[0].grad is not None
    assert not embedded[0].grad[:, 21:].any()
    assert embedded[0].grad[:, 20].any()


@each_kind
@pytest.mark.parametrize("reversible", [False, True])
def test_it_learns(kind: Any, reversible: bool) -> None:
    network, losses = model(kind, depth=1, reversible=reversible), []
    optimizer = torch.optim.Adam(network.own_parameters(), lr=3e-3)
    tokens = words(8)
    for step in range(1, 31):
        loss = network.loss(tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.refresh(step)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


@each_kind
def test_only_what_is_told_counts(kind: Any) -> None:
    network, tokens = model(kind, depth=1).eval(), words(3)
    told = torch.zeros_like(tokens, dtype=torch.bool)
    told[:, [7, 30]] = True
    torch.manual_seed(0)
    scores = torch.log_softmax(model(kind, depth=1).eval()(tokens[:, :-1]), 2)
    expected = -(scores[:, 6].gather(1, tokens[:, 7:8]) + scores[:, 29].gather(1, tokens[:, 30:31])).mean() / 2
    torch.testing.assert_close(network.loss(tokens, told), expected)


def test_hash_functions_are_not_trained_by_the_loss() -> None:
    network = model("mongoose")
    own = {id(p) for p in network.own_parameters()}
    left = [name for name, p in network.named_parameters() if id(p) not in own]
    assert left == [f"blocks.blocks.{i}.f.1.family.rotations" for i in range(2)]


def test_an_unknown_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="attention='flash'; accepted: 'full', 'local', 'lsh', 'mongoose'"):
        model("flash")


def test_fixed_positions_are_sines_and_cosines() -> None:
    vectors = FixedPositions(8)(5)
    assert vectors.shape == (5, 8)
    assert vectors[3, 1] == pytest.approx(float(torch.tensor(3 * 10000 ** (-2 / 8)).sin()))
    assert vectors[3, 5] == pytest.approx(float(torch.tensor(3 * 10000 ** (-2 / 8)).cos()))
    with pytest.raises(ValueError, match="dim=7"):
        FixedPositions(7)


def test_axial_positions_are_those_of_row_and_column() -> None:
    positions = AxialPositions(6, rows=3, columns=4, generator=Generator().manual_seed(0))
    vectors = positions(10)
    assert vectors.shape == (10, 6)
    assert torch.equal(vectors[9], torch.cat([positions.of_row[2, 0], positions.of_column[0, 1]]))
    with pytest.raises(ValueError, match="length=13; 3 rows of 4 columns hold 12 positions"):
        positions(13)
    model("lsh", positions=AxialPositions(32, rows=8, columns=8, generator=Generator()))(words(1))
