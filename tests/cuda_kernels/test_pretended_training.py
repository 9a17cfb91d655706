"""Every method, hash family and language model on the pretended device: nothing mixes devices, and results are those
of the CPU from the same random numbers.

Networks are built on the CPU and moved, as the harness of speeds moves them to a GPU; with `-m gpu`,
methods go to a real one.
"""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any, Literal

import pytest
import torch
from torch import Generator, Tensor

import datasets
from bench import methods
from bench.seeds import stream
from bench.speed import stepping
from bench.speed.place import CPU, GPU, Place
from bench.speed.systems import System
from bench.studies import attention_cost
from bench.task import Task
from bench.training import endless_batches, train_step
from cuda_kernels import gpu
from mongoose.hashing.base import HashFamily, LearnableHashFamily, RowFittedHashFamily
from mongoose.hashing.law import CollisionLaw
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.transformer_lm import Attention, TransformerLM, attention_maker
from mongoose.ops.backend import using
from tests.contracts.test_hash_families import build, families

RTOL = 1e-4
STEPS = 2
FEW = {"num_random": 100, "num_tables": 4}
SLIDE = {"num_tables": 4, "num_active": 64, "first_update": 1}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in sorted(methods.found())),
    ("mongoose", FEW | {"ask_every": 1, "num_bits": 4}),
    ("mongoose_published", {"epsilon": 0.02, "learn_every": 1, "num_tables": 4}),
    ("mongoose_released", {"every": 1, "num_tables": 4}),
    ("slide", SLIDE | {"planes": "sparse", "strategy": "top_k"}),
    ("slide", SLIDE | {"buckets": "reservoir", "strategy": "hard_threshold"}),
    ("slide_released", {"family": "simhash", "num_tables": 4, "fill": 50, "every": 1}),
    ("naive_lsh", FEW | {"planes": "hadamard", "transform": "norm_augment", "retrieved_probability": "counted"}),
    ("naive_lsh", FEW | {"planes": "sparse", "transform": "append_bias", "retrieve_every": 2}),
    ("naive_lsh", FEW | {"buckets": "fifo", "bucket_cap": 4, "shortlist": None, "retrieved_probability": "collision"}),
    *(
        ("lsh_policy", FEW | {"policy": policy, "first_update": 1, "ask_every": 1})
        for policy in ("exponential", "drift", "drift_released_reformer", "touched", "two_copy", "margin", "oracle")
    ),
    ("pool_hardest", {"pool": 200, "keep": 4, "num_random": 50, "retrieve_every": 2}),
    ("sampled_frequency", {"num_samples": 200, "correction": "importance", "second_moment": "row"}),
    ("dense_chunked", {"block": 100, "stored": "bfloat16"}),
    ("torch_sampled", {"num_samples": 100, "distribution": "log_uniform", "corrected": True}),
]


class There(Place):
    """The pretended device, as the harness of speeds sees a place."""

    put = GPU.put
    _there = GPU._there

    def __init__(self, device: torch.device) -> None:
        self.device = device


@pytest.fixture(params=["pretended", pytest.param("gpu", marks=pytest.mark.gpu)])
def there(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "pretended":
        yield from pretending(monkeypatch, "cuda")
        return
    if reason := gpu.unavailable():
        pytest.skip(f"no GPU: {reason}")
    with using("cuda"):
        yield GPU()


@pytest.fixture(params=["cuda", "reference"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """With kernels, and with definitions, which run on a GPU where there is no CuPy."""
    yield from pretending(monkeypatch, request.param)


def pretending(monkeypatch: pytest.MonkeyPatch, choice: Literal["cuda", "reference"]) -> Iterator[Place]:
    pretended = import_module("tests.cuda_kernels.pretended")  # which skips the test where there is a GPU
    with pretended.on_backend(monkeypatch, choice) as device:
        yield There(device)


def tiny() -> Task:
    return Task("tiny", datasets.get("tiny").load(), hidden=16)


def train(method: str, settings: dict[str, Any], place: Place, tables_first: bool = False) -> tuple[list[float], Any]:
    """Losses of the first steps, and one more back on the CPU; the best classes after the steps.

    tables_first: the first tables are built on the CPU, and moved.
    """
    streams, task = partial(stream, 0), tiny()
    plug_in = methods.get(method)
    config = plug_in.config(**settings | {"lr": 1e-2})
    net = plug_in.build(task, config, streams)
    if tables_first:
        net.refresh(0)
    net.to(place.device)
    optimizers, batches, losses = net.optimizers(**config.adam()), endless_batches(len(task.train), 32, streams), []
    if not tables_first:
        net.refresh(0)
    for step in range(1, STEPS + 1):
        losses.append(train_step(net, optimizers, *place.put(task.train.batch(next(batches)))).item())
        net.refresh(step)
    last = task.train.batch(next(batches))
    best = net.topk(place.put(last)[0], 3).tolist()
    losses.append(net.to("cpu").loss(*last).item())
    return losses, best


def check(method: str, settings: dict[str, Any], place: Place, tables_first: bool = False) -> None:
    found, best = train(method, settings, place, tables_first)
    with using("reference"):
        expected, expected_best = train(method, settings, CPU)
    torch.testing.assert_close(found, expected, rtol=RTOL, atol=0)
    assert best == expected_best


@pytest.mark.parametrize(
    ("method", "settings"),
    SETTINGS,
    ids=lambda of: of if isinstance(of, str) else "-".join(map(str, of.values())) or "as it comes",
)
def test_methods_train_there_as_on_the_cpu(there: Place, method: str, settings: dict[str, Any]) -> None:
    if reason := methods.get(method).skip():
        pytest.skip(reason)
    check(method, settings, there)


@pytest.mark.parametrize(
    ("method", "settings"), [("naive_lsh", FEW | {"buckets": "fifo", "shortlist": None}), ("lsh_policy", FEW)]
)
def test_tables_move_with_their_network(there: Place, method: str, settings: dict[str, Any]) -> None:
    check(method, settings, there, tables_first=True)


@pytest.mark.parametrize("method", ["dense", "slide", "lsh_policy"])
def test_speeds_are_measured_there(there: Place, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Batches, steps, an update of everything, and the counts of what steps touch."""
    monkeypatch.setattr(stepping, "BATCH", 32)
    plan = stepping.Plan(steps=3, seconds=60.0, warmup=0)
    found = stepping.measure(tiny(), System("ours", method), plan, there)
    assert all(len(found["phases"][phase]) == 3 for phase in stepping.STEP_PHASES)


@pytest.mark.parametrize("dtype", attention_cost.DTYPES)
@pytest.mark.parametrize("name", ["sdpa", *attention_cost.FORMS])
def test_costs_of_attention_are_measured_there(there: Place, name: str, dtype: str) -> None:
    sizes = attention_cost.Sizes(heads=2, dim=8, length=40, chunk=8, seed=0)
    system = attention_cost.start(there, sizes, name, dtype, 1)
    assert set(system.turn(2)) == {"step_ms", "peak_mib", "fit_ms"}
    assert all(x.device.type == there.device.type for x in system.inputs)


def hashed(family: HashFamily, device: torch.device) -> list[Tensor]:
    """What a family says of rows, before and after a fit, if it learns."""
    x = torch.randn(33, 24, generator=Generator().manual_seed(9)).to(device)
    centre, triplets, found = x.mean(0), (x, x + x.flip(0), x.roll(1, 0)), []
    for _ in range(2):
        found += [family.codes(x), family.codes(x, centre), family.query_codes(x, centre)]
        if isinstance(family, LearnableHashFamily):
            found.append(torch.tensor(family.fit(*triplets), device=device))
        if isinstance(family, RowFittedHashFamily):
            family.fit_rows(x, centre)
    if isinstance(family, CollisionLaw):
        found.append(family.collision_probability(x, x.flip(0)))
    assert all(tensor.device == device for tensor in found)
    return [tensor.cpu() for tensor in found]


@pytest.mark.parametrize("family", families(), ids=lambda family: family.__name__)
def test_hash_families_hash_and_learn_there_as_on_the_cpu(either: Place, family: type[HashFamily]) -> None:
    found = hashed(build(family, tables=3).to(either.device), either.device)
    with using("reference"):
        expected = hashed(build(family, tables=3), CPU.device)
    torch.testing.assert_close(found, expected, rtol=RTOL, atol=1e-6)


def language_model(kind: Attention, released: bool, reversible: bool) -> TransformerLM:
    generator, hashes = Generator().manual_seed(0), Generator().manual_seed(1)
    settings: dict[str, Any] = {"heads": 2, "generator": generator, "hash_generator": hashes, "rounds": 2, "chunk": 8}
    make = attention_maker(kind, 16, length=40, **settings)
    if released:
        make = partial(MongooseAttention.released, 16, num_bits=2, **settings)
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
def test_language_models_train_there_as_on_the_cpu(either: Place, model: str, reversible: bool) -> None:
    found = train_language_model(language_model(*MODELS[model], reversible), either.device)
    with using("reference"):
        expected = train_language_model(language_model(*MODELS[model], reversible), CPU.device)
    torch.testing.assert_close(found, expected, rtol=RTOL, atol=0)
