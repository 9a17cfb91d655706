"""The language model of bytes as a study: it learns, is judged on the same text whatever the form; data are named."""

from typing import Any

import numpy as np
import pytest
import torch

from bench import experiments
from bench.config import RunConfig
from bench.studies.byte_lm import windows
from bench.worker import execute
from datasets import text


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
    last = run(asked, steps=500, evaluations=2)[-1]
    assert (last["evaluated"], last["step"]) == ("full", 500)
    assert last["bits"] < text.get("tiny-text").described()["bits_per_byte"]["entropy"]


@pytest.mark.usefixtures("tiny")
def test_every_form_of_the_smallest_scale_is_judged_on_the_same_text() -> None:
    forms = []
    for config in experiments.get("byte-lm").runs("smoke", 1):
        done, _, rows = execute(config.model_copy(update={"steps": 2, "threads": 1}), lambda event: None)
        assert done.status == "ok"
        forms.append([row["evaluated"] for row in rows[: len(rows) // 2]])
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
