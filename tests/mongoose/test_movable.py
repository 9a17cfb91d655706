"""What lies outside of modules goes along when its owner moves; `meta` stands for any other device."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from mongoose.candidates import Candidates
from mongoose.hashing.base import HashFamily
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.learned_rotations import LearnedRotations
from mongoose.hashing.simhash import SimHash
from mongoose.inclusion import Assumed
from mongoose.index import LSHIndex
from mongoose.movable import moved
from mongoose.nn.linear import SampledLinear
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.sampled_embedding import SampledEmbedding
from mongoose.sampling.base import Sampler
from mongoose.sampling.in_batch import InBatchSampler
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.pool import PoolSampler
from mongoose.sampling.random import RandomSampler, uniform
from mongoose.sampling.slide import SlideSampler, Vanilla
from mongoose.scheduling.base import UpdatePolicy
from mongoose.scheduling.drift import Drift
from mongoose.scheduling.margin import Margin
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.two_copy import TwoCopy

META = torch.device("meta")
B, D, N = 8, 16, 60
RATE = torch.full((N,), 0.1)


def source() -> Generator:
    return Generator().manual_seed(0)


def tensors(held: Any) -> dict[str, Tensor]:
    """All that are reached from an object through our objects, modules and containers, by the way to them."""
    return dict(_reached(held, "", set()))


def _reached(held: Any, way: str, met: set[int]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(held, Tensor):
        yield way, held
    elif isinstance(held, dict | list | tuple):
        for name, part in held.items() if isinstance(held, dict) else enumerate(held):
            yield from _reached(part, f"{way}.{name}", met)
    elif (isinstance(held, nn.Module) or type(held).__module__.startswith("mongoose.")) and id(held) not in met:
        met.add(id(held))
        yield from _reached(vars(held), way, met)


def devices(held: Any) -> set[torch.device]:
    return {tensor.device for tensor in tensors(held).values()}


def random() -> RandomSampler:
    return RandomSampler(uniform(N), 10, generator=source(), label_rate=RATE)


def lsh(
    policy: UpdatePolicy, family: Callable[..., HashFamily] = SimHash, shortlist: int | None = 4, **settings: Any
) -> Sampler:
    made = family(D, num_bits=4, num_tables=2, generator=source())
    index = LSHIndex(made, policy, shortlist=shortlist)
    return LSHSampler(index, bucket_cap=4, keep=2, random=random(), generator=source(), **settings)


SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "random": random,
    "in batch": lambda: InBatchSampler(N, label_rate=RATE),
    "drift": lambda: lsh(Drift(0.01, dim=D, generator=source()), retrieved_probability="collision"),
    "two copies": lambda: lsh(TwoCopy(1e-3), retrieved_probability="counted"),
    "margin": lambda: lsh(Margin(), retrieved_probability=0.5),
    "oracle": lambda: lsh(Oracle(), every=2),
    "learned": lambda: lsh(Drift(0.0, dim=D, generator=source()), partial(LearnedSimHash, first_steps=1, steps=1)),
    "rotations": lambda: lsh(Drift(0.0, dim=D, generator=source()), LearnedRotations),
    "pool": lambda: PoolSampler(random(), keep=2, random=random(), law=Assumed(torch.full((N,), 0.5))),
    "slide": lambda: SlideSampler(
        LSHIndex(SimHash(D, num_bits=4, num_tables=2, generator=source()), TwoCopy(1e-3)),
        strategy=Vanilla(9),
        fill=20,
        bucket_cap=None,
        generator=source(),
    ),
}


def trained(name: str, steps: int) -> SampledLinear:
    layer = SampledLinear(D, N, sampler=SAMPLERS[name]())
    layer.initialise(source())
    layer.refresh(0)
    optimizer, labels = torch.optim.SGD(layer.parameters(), lr=1.0), Candidates.from_rows(torch.arange(B).view(B, 1))
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        layer.loss(torch.randn(B, D, generator=source()), labels).backward()
        optimizer.step()
        layer.refresh(step)
    layer.zero_grad()
    return layer


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("name", SAMPLERS)
def test_all_that_a_sampler_holds_goes_along(name: str, steps: int) -> None:
    layer = trained(name, steps)
    before = tensors(layer)
    after = tensors(layer.to(META))
    assert {tensor.device for tensor in after.values()} == {META}
    assert {way: tensor.dtype for way, tensor in after.items()} == {way: before[way].dtype for way in after}
    assert {way for way in before if not way.endswith(".samples")} <= set(after)  # which sets of ids find anew


@pytest.mark.parametrize("name", SAMPLERS)
def test_where_devices_agree_nothing_is_copied(name: str) -> None:
    layer = trained(name, 2)
    before = tensors(layer)
    assert all(tensor is before[way] for way, tensor in tensors(layer.to("cpu")).items())


def test_a_policy_of_attention_goes_along() -> None:
    layer = MongooseAttention.by_drift(16, heads=2, generator=source(), hash_generator=source(), num_bits=2)
    layer.refresh(1)
    assert devices(layer.to(META)) == {META}


def test_draws_of_torchs_own_layer_go_along() -> None:
    for corrected in (True, False):
        layer = SampledEmbedding(
            D,
            counts=torch.arange(N),
            num_samples=5,
            distribution="log_uniform",
            corrected=corrected,
            generator=source(),
        ).to(META)
        assert devices(layer) == {META}
        assert layer.draw().device == META


def test_values_are_new_and_objects_stay() -> None:
    sampler, labels = random(), Candidates(torch.tensor([1]), torch.tensor([0, 1]))
    there = moved((sampler, labels, 3), META)
    assert there[0] is sampler
    assert there[2] == 3
    assert (there[1].ids.device, labels.ids.device) == (META, torch.device("cpu"))
    assert sampler.draw().device == META
