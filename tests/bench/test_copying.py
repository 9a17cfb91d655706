"""The copy task under every attention: models learn it, and every form of attention is judged."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from bench import experiments
from bench.attention_layers import watching
from bench.attention_mass import retrieved_mass
from bench.config import RunConfig
from bench.language_models import Budget, ModelSettings, start, with_attention
from bench.studies.copying import measures
from bench.worker import execute
from mongoose.nn.attention import FullAttention, LocalAttention
from mongoose.nn.lsh_attention import LSHAttention


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(model: dict[str, Any], *, steps: int | None, length: int = 16, **settings: Any) -> list[dict[str, Any]]:
    asked = {"experiment": "test", "scale": "smoke", "method": "copying", "dataset": "copy", "seed": 0, "seconds": 1}
    params = {"length": length, "symbols": 4, "sequences": 8, "judged_by": (1, 2), "model": model}
    return list(measures(RunConfig(**(asked | {"params": params, "steps": steps, "batch_size": 8} | settings))))


def test_full_attention_learns_to_copy() -> None:
    first, last = run({"attention": "full", "dim": 32, "lr": 1e-2}, steps=200, evaluations=2)[4::5]
    assert (first["step"], last["step"]) == (100, 200)
    assert last["loss"] < first["loss"]
    assert last["accuracy"] > 0.95
    assert (last["trained"], last["evaluated"], last["mass"]) == ("full", "full", 1.0)
    assert first["train_s"] < last["train_s"]


@pytest.mark.parametrize(
    ("attention", "forms"),
    [
        ("local", ["local", "lsh_1", "lsh_2", "random_4", "topk_1", "full"]),
        ("lsh", ["lsh_1", "lsh_2", "random_4", "topk_1", "full"]),
        ("mongoose", ["mongoose_1", "lsh_1", "lsh_2", "random_4", "topk_1", "full"]),
        ("random", ["random_1", "lsh_1", "lsh_2", "random_4", "topk_1", "full"]),
    ],
)
def test_weights_are_judged_under_every_form_and_the_same_again(attention: str, forms: list[str]) -> None:
    settings = {"attention": attention, "chunk": 4, "dim": 8, "heads": 2}
    rows = run(settings, steps=8, evaluations=2)
    assert [row["evaluated"] for row in rows] == 2 * forms
    again = run(settings, steps=8, evaluations=2)
    unlike = {"train_s": 0, "peak_mib": 0}
    assert [row | unlike for row in rows] == [row | unlike for row in again]


@pytest.mark.parametrize("attention", ["lsh", "mongoose", "random"])
def test_evaluations_do_not_change_what_is_learned(attention: str) -> None:
    settings = {"attention": attention, "chunk": 4, "dim": 8, "heads": 2}
    often, once = (run(settings, steps=40, evaluations=count, batch_size=2) for count in (10, 1))
    whole = sum(row["loss"] for row in often[:: len(once)]) / 10
    assert whole == pytest.approx(once[0]["loss"], rel=1e-6)


def test_rotations_learn_on_the_clock() -> None:
    fits = [row["fits"] for row in run({"attention": "mongoose", "chunk": 4, "lr": 0.02}, steps=60, evaluations=2)]
    assert fits[0] <= fits[-1]
    assert fits[-1] > 0


def test_another_attention_has_the_same_weights() -> None:
    settings = ModelSettings(attention="mongoose", length=16, symbols=5, chunk=4, dim=8, heads=2)
    model = start(settings, 0)
    for parameter in model.own_parameters():
        nn.init.normal_(parameter, generator=Generator().manual_seed(1))
    other = with_attention(model, settings.model_copy(update={"attention": "full"}), 7)
    for one, another in zip(model.own_parameters(), other.parameters(), strict=True):
        assert torch.equal(one, another)


def layers(dim: int, chunk: int) -> dict[str, Any]:
    made = {"heads": 2, "generator": Generator().manual_seed(0)}
    hashed = {"hash_generator": Generator().manual_seed(1), "chunk": chunk}
    return {
        "full": FullAttention(dim, **made),
        "local": LocalAttention(dim, chunk=chunk, **made),
        "lsh_1": LSHAttention(dim, rounds=1, **hashed, **made),
        "lsh_8": LSHAttention(dim, rounds=8, **hashed, **made),
    }


def masses(x: Tensor, chunk: int, counted: Tensor, best: int) -> dict[str, float]:
    return {form: retrieved_mass(layer, x, counted, best) for form, layer in layers(x.shape[2], chunk).items()}


def test_more_rounds_bring_more_attention_within_reach() -> None:
    x = torch.randn(2, 64, 16, generator=Generator().manual_seed(2))
    found = masses(x, 4, torch.ones(2, 64, dtype=torch.bool), 8)
    assert found["full"] == pytest.approx(1)
    assert 0 < found["local"] < 0.5
    assert found["lsh_1"] < found["lsh_8"] < 1
    assert all(mass == pytest.approx(1) for mass in masses(x, 64, torch.ones(2, 64, dtype=torch.bool), 8).values())


def test_the_mass_of_local_attention_is_that_of_its_pairs() -> None:
    """Position by position, one head after the other, for the positions that count."""
    x, best = torch.randn(1, 12, 8, generator=Generator().manual_seed(3)), 3
    counted = torch.arange(12).unsqueeze(0) > 6
    layer = layers(8, 4)["local"]
    qk = (x[0] @ layer.to_qk.weight.t()).view(12, 2, 4)
    met = total = 0.0
    for head in range(2):
        for i in range(7, 12):
            scores = torch.stack([qk[i, head] @ qk[j, head] / qk[j, head].norm() / 2 for j in range(i)]).softmax(0)
            for j in scores.argsort(descending=True)[:best].tolist():
                total += scores[j].item()
                met += scores[j].item() * (i // 4 - j // 4 <= 1)
    assert retrieved_mass(layer, x, counted, best) == pytest.approx(met / total, rel=1e-5)


def test_the_mass_of_each_layer_is_watched_and_no_longer_than_asked() -> None:
    model = start(ModelSettings(attention="local", length=16, symbols=5, chunk=4, dim=8, heads=2, depth=3), 0)
    tokens = torch.zeros(1, 16, dtype=torch.int64)
    seen = partial(retrieved_mass, counted=torch.ones(1, 16, dtype=torch.bool))
    with torch.no_grad(), watching(model, seen) as found:
        model(tokens)
        assert len(found) == 3
    model(tokens)
    assert len(found) == 3


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="wide"):
        run({"attention": "full", "wide": 3}, steps=2)


def test_a_budget_of_seconds_is_spent_on_the_clock() -> None:
    rows = run({"attention": "full"}, steps=None, seconds=0.5, evaluations=4)
    own = [row for row in rows if row["trained"] == row["evaluated"]]
    assert all(row["train_s"] >= 0.125 * n for n, row in enumerate(own, 1))
    assert own[-1]["train_s"] >= 0.5
    assert own[0]["step"] < own[-1]["step"]


@pytest.mark.parametrize(("steps", "evaluations"), [(10, 10), (7, 3), (3000, 10), (20, 2)])
def test_evaluations_are_equally_spaced_and_the_last_is_at_the_end(steps: int, evaluations: int) -> None:
    budget = Budget(steps, 1.0, evaluations)
    due = [budget.due(step, 0.0) for step in range(steps + 1)]
    assert due == [step * evaluations // steps for step in range(steps + 1)]


def test_the_rate_rises_and_falls_to_a_tenth_of_itself() -> None:
    settings = ModelSettings(attention="full", length=16, lr=2.0, warmup=10)
    assert [settings.rate(0, 0.0), settings.rate(9, 0.0)] == pytest.approx([0.2, 2.0])
    assert [settings.rate(99, 0.5), settings.rate(99, 1.0), settings.rate(99, 1.2)] == pytest.approx([1.1, 0.2, 0.2])


def test_the_smallest_scale_runs_every_form() -> None:
    configs = experiments.get("copy-task").runs("smoke", 1)
    trained = []
    for config in configs:
        done, _, rows = execute(config.model_copy(update={"steps": 2, "threads": 1}), lambda event: None)
        assert done.status == "ok"
        trained.append(rows[-1]["trained"])
    assert trained == ["full", "local", "lsh_1", "lsh_2", "lsh_4", "mongoose_1", "random_1", "random_4", "topk_1"]
    assert "copy-task" not in experiments.usual()
