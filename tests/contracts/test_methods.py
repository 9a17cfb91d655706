"""Every method in bench/methods, by name: learns, repeats itself, is described."""

from functools import partial

import pytest
import torch

import datasets
from bench import methods
from bench.evaluation import evaluate
from bench.experiments.first_light import TRAINED
from bench.methods.base import missing
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches, train_step
from mongoose.nn.xmc import XMCNet

STEPS = 120


@pytest.fixture(scope="module")
def task() -> Task:
    return Task("tiny", datasets.get("tiny").load(), hidden=32)


def train(name: str, task: Task, seed: int, steps: int = STEPS) -> tuple[XMCNet, list[float]]:
    method, streams = methods.get(name), partial(stream, seed)
    if (reason := method.skip()) is not None:
        pytest.skip(reason)
    net = method.build(task, method.config(), streams)
    optimizers = net.optimizers(1e-2)
    batches = endless_batches(len(task.train), 100, streams)
    net.refresh(0)
    losses = []
    for step in range(1, steps + 1):
        loss = train_step(net, optimizers, *task.train.batch(next(batches)))
        net.refresh(step)
        losses.append(loss.item())
    return net, losses


@pytest.mark.parametrize("name", sorted(methods.found()))
class TestMethod:
    def test_learns_a_tiny_task(self, name: str, task: Task) -> None:
        net, losses = train(name, task, seed=0)
        assert all(torch.isfinite(torch.tensor(losses)))
        assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
        assert evaluate(net, task.splits.test, task)["p_at_1"] > 0.32, "no better than the most frequent label"

    def test_the_same_seed_trains_the_same_network(self, name: str, task: Task) -> None:
        first, second = (train(name, task, seed=1, steps=6)[1] for _ in range(2))
        assert first == second

    def test_another_seed_trains_another(self, name: str, task: Task) -> None:
        assert train(name, task, seed=1, steps=3)[1] != train(name, task, seed=2, steps=3)[1]

    def test_says_what_it_is(self, name: str, task: Task) -> None:
        method = methods.get(name)
        assert method.name == name
        assert method.reads
        assert method.config.model_config["extra"] == "forbid"
        assert method.config.model_config["frozen"]


def test_the_experiment_trains_methods_that_there_are() -> None:
    assert set(TRAINED) <= set(methods.found())


def test_a_missing_package_is_a_reason_to_skip_that_says_how_to_get_it() -> None:
    assert missing("no_such_package", extra="ann") is not None
    assert "pip install -c constraints.txt -e '.[ann]'" in str(missing("no_such_package", extra="ann"))
    assert missing("torch", extra="ann") is None


def test_an_unknown_method_is_refused_with_the_known_names() -> None:
    with pytest.raises(LookupError, match="sampled_uniform"):
        methods.get("magic")
