"""One method, every policy."""

from functools import partial
from typing import get_args

import pytest
import torch

import datasets
from bench.methods.base import TransformName
from bench.methods.lsh_policy import LSHPolicyConfig, PolicyName, method, policies
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches, train_step
from mongoose.nn.linear import SampledLinear


@pytest.fixture(scope="module")
def task() -> Task:
    return Task("tiny", datasets.get("tiny").load(), hidden=16)


@pytest.mark.parametrize("name", get_args(PolicyName))
def test_a_network_trains_under_every_policy(name: PolicyName, task: Task) -> None:
    """Ten steps; what was named is what runs, and it moves rows unless it is never to."""
    streams = partial(stream, 0)
    config = LSHPolicyConfig(
        policy=name, interval=2, first_update=2, threshold=0.001, ask_every=1, epsilon=0.001, full_every=8
    )
    net = method.build(task, config, streams)
    optimizers, batches = net.optimizers(1e-1), endless_batches(len(task.train), 50, streams)
    net.refresh(0)
    for step in range(1, 11):
        loss = train_step(net, optimizers, *task.train.batch(next(batches)))
        net.refresh(step)
    assert isinstance(net.head, SampledLinear)
    index = net.head.sampler.index
    assert index is not None
    assert type(index.policy) is type(policies(task, config, streams)[name]())
    assert bool(torch.isfinite(loss))
    assert (index.statistics.updates > 1) is (name != "never")


def test_every_policy_has_its_settings(task: Task) -> None:
    assert set(policies(task, LSHPolicyConfig(), partial(stream, 0))) == set(get_args(PolicyName))


@pytest.mark.parametrize("transform", ["append_bias", "norm_augment"])
@pytest.mark.parametrize("name", ["drift", "drift_released_slide", "drift_released_reformer", "two_copy"])
def test_policies_know_the_rows_as_they_are_hashed(name: PolicyName, transform: TransformName, task: Task) -> None:
    net = method.build(task, LSHPolicyConfig(policy=name, transform=transform, ask_every=1), partial(stream, 0))
    net.refresh(0)
    loss = net.loss(*task.train.batch(torch.arange(50)))
    net.refresh(1)
    assert bool(torch.isfinite(loss))
