"""Every method and language model on the pretended device: nothing mixes devices, and losses are those of the CPU.

Networks are built on the CPU and moved, as the harness of speeds moves them to a GPU; the random numbers are the same.
With `-m gpu` they go to a real one.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator

import datasets
from bench import methods
from bench.seeds import stream
from bench.speed.place import CPU, GPU, Place
from bench.task import Task
from bench.training import endless_batches, train_step
from cuda_kernels import gpu
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.transformer_lm import Attention, TransformerLM, attention_maker
from mongoose.ops.backend import using
from tests.cuda_kernels import pretended

RTOL = 1e-4
STEPS = 3
FEW = {"num_random": 100, "num_tables": 4}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in sorted(methods.found())),
    ("mongoose", FEW | {"ask_every": 1}),
    ("mongoose", FEW | {"learned": False, "planes": "sparse", "ask_every": 1}),
    ("slide", {"num_tables": 4, "num_active": 64, "first_update": 1}),
    ("slide", {"num_tables": 4, "num_active": 64, "planes": "sparse"}),
    ("slide", {"num_tables": 4, "num_active": 64, "strategy": "top_k"}),
    ("mongoose_published", {"epsilon": 0.02, "learn_every": 1}),
    ("mongoose_released", {"every": 1}),
    ("lsh_policy", FEW | {"policy": "two_copy", "epsilon": 0.05}),
    ("lsh_policy", FEW | {"policy": "drift", "ask_every": 1}),
    ("lsh_policy", FEW | {"policy": "margin"}),
    ("lsh_policy", FEW | {"policy": "oracle"}),
    ("sampled_frequency", {"num_samples": 200, "correction": "none", "second_moment": "row"}),
]


class There(Place):
    device = pretended.DEVICE

    _there, put = GPU._there, GPU.put


@pytest.fixture(params=["pretended", pytest.param("gpu", marks=pytest.mark.gpu)])
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "pretended":
        with pretended.kernels(request.getfixturevalue("monkeypatch")):
            yield There()
        return
    if reason := gpu.unavailable():
        pytest.skip(f"no GPU: {reason}")
    with using("cuda"):
        yield GPU()


def train(method: str, settings: dict[str, Any], place: Place) -> list[float]:
    """Losses of the first steps."""
    streams, task = partial(stream, 0), Task("tiny", datasets.get("tiny").load(), hidden=16)
    plug_in = methods.get(method)
    config = plug_in.config(**settings | {"lr": 1e-2})
    net = plug_in.build(task, config, streams).to(place.device)
    optimizers, batches, losses = net.optimizers(**config.adam()), endless_batches(len(task.train), 32, streams), []
    net.refresh(0)
    for step in range(1, STEPS + 1):
        losses.append(train_step(net, optimizers, *place.put(task.train.batch(next(batches)))).item())
        net.refresh(step)
    return losses


@pytest.mark.parametrize(
    ("method", "settings"),
    SETTINGS,
    ids=lambda of: of if isinstance(of, str) else "-".join(map(str, of.values())) or "as it comes",
)
def test_methods_train_there_as_on_the_cpu(there: Place, method: str, settings: dict[str, Any]) -> None:
    if reason := methods.get(method).skip():
        pytest.skip(reason)
    found = train(method, settings, there)
    with using("reference"):
        torch.testing.assert_close(found, train(method, settings, CPU), rtol=RTOL, atol=0)


def language_model(kind: Attention, released: bool, reversible: bool) -> TransformerLM:
    generator, hashes = Generator().manual_seed(0), Generator().manual_seed(1)
    make = attention_maker(kind, 16, heads=2, length=40, generator=generator, hash_generator=hashes, rounds=2, chunk=8)
    if released:
        make = partial(
            MongooseAttention.released,
            16,
            heads=2,
            generator=generator,
            hash_generator=hashes,
            rounds=2,
            chunk=8,
            num_bits=2,
        )
    return TransformerLM(16, depth=1, attention=make, generator=generator, symbols=16, reversible=reversible)


def train_language_model(network: TransformerLM, device: torch.device) -> list[float]:
    network.to(device)
    optimizer = torch.optim.Adam(network.own_parameters(), lr=1e-2)
    tokens, losses = torch.randint(16, (2, 41), generator=Generator().manual_seed(2)).to(device), []
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss = network.loss(tokens)
        loss.backward()
        optimizer.step()
        network.refresh(step)
        losses.append(loss.item())
    return losses


MODELS: dict[str, tuple[Attention, bool]] = {
    "full": ("full", False),
    "local": ("local", False),
    "lsh": ("lsh", False),
    "mongoose": ("mongoose", False),
    "mongoose as released": ("mongoose", True),
}


@pytest.mark.parametrize("reversible", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_language_models_train_there_as_on_the_cpu(there: Place, model: str, reversible: bool) -> None:
    found = train_language_model(language_model(*MODELS[model], reversible), there.device)
    with using("reference"):
        expected = train_language_model(language_model(*MODELS[model], reversible), CPU.device)
    torch.testing.assert_close(found, expected, rtol=RTOL, atol=0)
