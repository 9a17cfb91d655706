"""The chunked dense method beside the dense one, in the suite's own loop."""

from functools import partial

import pytest
import torch

import datasets
from bench import methods
from bench.config import RunConfig
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches
from bench.worker import execute


def losses(name: str, task: Task, **params: object) -> list[float]:
    """Of ten steps, the seed's data order and first weights the same for every method."""
    method, streams = methods.get(name), partial(stream, 0)
    config = method.config(**{"lr": 1e-2} | params)
    net = method.build(task, config, streams)
    optimizers, found = net.optimizers(**config.adam()), []
    for _, ids in zip(range(10), endless_batches(len(task.train), 64, streams), strict=False):
        loss = net.loss(*task.train.batch(ids))
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("block", [37, 4096])
def test_it_trains_the_network_that_dense_trains(block: int) -> None:
    task = Task("tiny", datasets.get("tiny").load(), hidden=16)
    expected = losses("dense", task)
    assert expected[-1] < expected[0] - 0.3
    torch.testing.assert_close(losses("dense_chunked", task, block=block), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_it_is_watched_and_scored_like_the_others(stored: str) -> None:
    config = RunConfig(
        experiment="test",
        scale="smoke",
        method="dense_chunked",
        dataset="tiny",
        seed=0,
        seconds=0.3,
        batch_size=64,
        hidden=16,
        evaluations=2,
        threads=1,
        params={"stored": stored},
    )
    row, traces, _ = execute(config, lambda event: None)
    assert (row.status, row.reason) == ("ok", "")
    assert 0 < row.p_at_1 <= 1
    assert row.parameters == 500 * 16 + 16 + 300 * 17
    assert all(0 < trace.bits_changed_step < 1 for trace in traces if trace.event == "evaluation")
