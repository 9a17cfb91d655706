"""The language model of bytes as a study: it learns, is judged on the same text whatever the form; data are named."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator

from bench import experiments
from bench.code_changes import CodeChanges
from bench.config import RunConfig
from bench.language_models import ModelSettings, as_trained, start
from bench.studies.byte_lm import ByteSettings, held_out, windows
from bench.worker import execute
from datasets import text
from mongoose.nn.attention import SharedQKAttention
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.transformer_lm import Attention, TransformerLM


@pytest.fixture
def tiny() -> None:
    text.get("tiny-text").get()


def run(model: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    asked = {"experiment": "test", "scale": "smoke", "method": "byte_lm", "dataset": "tiny-text", "seed": 0}
    params = {"sequences": 8, "model": {"length": 32, "chunk": 4, "dim": 16, "heads": 2} | model}
    budget = {"seconds": 1, "batch_size": 8, "threads": 1, "params": params}
    done, _, rows = execute(RunConfig(**(asked | budget | settings)), lambda event: None)
    assert done.status == "ok"
    assert "recipe" in done.config
    return rows


@pytest.mark.usefixtures("tiny")
def test_it_learns_more_than_letters() -> None:
    """Fewer bits than letters have that are known by their frequency alone."""
    asked = {"attention": "full", "lr": 1e-2, "positions_sd": 0.02, "dim": 32}
    last = [row for row in run(asked, steps=500, evaluations=2) if "bits" in row][-1]
    assert (last["evaluated"], last["step"]) == ("full", 500)
    assert last["bits"] < text.get("tiny-text").described()["bits_per_byte"]["entropy"]


@pytest.mark.usefixtures("tiny")
def test_every_form_of_the_smallest_scale_is_judged_on_the_same_text() -> None:
    forms = []
    for config in experiments.get("byte-lm").runs("smoke", 1):
        done, _, rows = execute(config.model_copy(update={"steps": 2, "threads": 1}), lambda event: None)
        assert done.status == "ok"
        judged = [row["evaluated"] for row in rows if "bits" in row]
        forms.append(judged[: len(judged) // 2])
    others = ["random_4", "topk_1", "full"]
    assert forms == [
        ["lsh_1", *others],
        ["local", "lsh_1", *others],
        ["lsh_1", *others],
        ["lsh_4", *others],
        ["mongoose_1", "lsh_1", *others],
        ["mongoose_4", "lsh_4", *others],
        ["lsh_4", *others],
        ["lsh_1", *others],
    ]


def test_windows_are_pieces_of_the_text() -> None:
    part = np.arange(50, dtype=np.uint8)
    found = windows(part, 200, 8, np.random.default_rng(0))
    assert found.shape == (200, 9)
    assert torch.equal(found - found[:, :1], torch.arange(9).expand(200, 9))
    assert {int(found.min()), int(found.max())} == {0, 49}
    with pytest.raises(ValueError, match="shorter"):
        windows(part, 1, 50, np.random.default_rng(0))


def model(attention: Attention, depth: int) -> tuple[TransformerLM, ModelSettings]:
    settings = ModelSettings(attention=attention, length=16, symbols=9, chunk=4, dim=8, heads=2, depth=depth, rounds=2)
    return start(settings, 0).eval(), settings


@pytest.mark.usefixtures("tiny")
def test_each_layer_is_judged_with_what_changed_since_the_evaluation_before() -> None:
    rows = run({"attention": "lsh", "depth": 2, "lr": 0.1}, steps=20, evaluations=2)
    layers = [row for row in rows if "layer" in row and row["evaluated"] == "lsh_1"]
    assert [(row["step"], row["layer"]) for row in layers] == [(10, 0), (10, 1), (20, 0), (20, 1)]
    assert [math.isnan(row["changed"]) for row in layers] == [True, True, False, False]
    assert all(0 < row["changed"] < 1 for row in layers[2:])
    assert not any("changed" in row for row in rows if row["evaluated"] != "lsh_1")
    whole = next(row for row in rows if row["evaluated"] == "lsh_1")
    assert whole["mass"] == pytest.approx((layers[0]["mass"] + layers[1]["mass"]) / 2)


@pytest.mark.usefixtures("tiny")
def test_not_closely_a_row_an_evaluation_is_left() -> None:
    params = {"sequences": 2, "piece": 64, "closely": False, "model": {"attention": "lsh", "length": 32, "chunk": 4}}
    rows = run({}, params=params, steps=4, evaluations=2)
    assert [(row["evaluated"], row["step"]) for row in rows] == [("lsh_1", 2), ("lsh_1", 4)]
    assert not any("mass" in row for row in rows)


@pytest.mark.parametrize("attention", ["full", "lsh", "mongoose"])
def test_codes_change_with_the_weights_alone(attention: Attention) -> None:
    network, settings = model(attention, depth=2)
    tokens = torch.randint(9, (3, 16), generator=Generator().manual_seed(0))
    changes = CodeChanges(tokens, num_bits=2, rounds=3, seed=0)
    assert [math.isnan(share) for share in changes.since(as_trained(network, settings, 0))] == [True, True]
    assert changes.since(as_trained(network, settings, 0)) == [0, 0]
    last = [layer for layer in network.modules() if isinstance(layer, SharedQKAttention)][-1]
    with torch.no_grad():
        last.to_qk.weight.neg_()  # the first layer does not see this
    first, changed = changes.since(as_trained(network, settings, 0))
    assert (first, changed) == (0, 1)  # the opposite direction is another bucket, whatever the rotation


def test_learned_functions_of_now_hash_both_moments() -> None:
    network, _ = model("mongoose", depth=1)
    changes = CodeChanges(torch.arange(9).repeat(2, 1), num_bits=2, rounds=3, seed=0)
    changes.since(network)
    (layer,) = (one for one in network.modules() if isinstance(one, MongooseAttention))
    with torch.no_grad():
        next(layer.family.parameters()).neg_()  # type: ignore[union-attr]
    assert changes.since(network) == [0]


def test_pieces_are_the_same_bytes_cut_shorter() -> None:
    text_ = np.arange(200, dtype=np.uint8)
    whole, cut = (held_out(text_, ByteSettings(sequences=3, piece=32, model={}), length) for length in (32, 8))
    assert (whole.shape, cut.shape) == ((3, 33), (12, 9))
    assert torch.equal(whole[:, 1:], cut[:, 1:].reshape(3, 32))
    with pytest.raises(ValueError, match="piece=32 with length=12"):
        held_out(text_, ByteSettings(piece=32, model={}), 12)
