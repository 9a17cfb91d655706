"""The two backends train alike: 2,000 steps from one seed."""

from functools import partial

import pytest
import torch

import datasets
from bench import methods
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches, train_step
from mongoose.ops.backend import Backend, using

STEPS = 2000
WINDOW = 200


def losses(method: str, backend: Backend) -> torch.Tensor:
    """[STEPS] losses; every random number is drawn outside the ops, so both backends see the same ones."""
    streams, task = partial(stream, 0), Task("tiny", datasets.get("tiny").load(), hidden=16)
    plug_in = methods.get(method)
    net = plug_in.build(task, plug_in.config(), streams)
    optimizers, batches = net.optimizers(**plug_in.config().adam()), endless_batches(len(task.train), 64, streams)
    found = []
    with using(backend):
        net.refresh(0)
        for step in range(1, STEPS + 1):
            loss = train_step(net, optimizers, *task.train.batch(next(batches)))
            net.refresh(step)
            found.append(loss.detach())
    return torch.stack(found)


@pytest.mark.parametrize(
    ("method", "late"),
    [
        ("sampled_frequency", 1e-4),  # the same active sets: sums in another order, 2,000 times
        ("slide", 3e-2),  # a code that flips within rounding changes an active set, and then everything a little
        ("mongoose", 3e-2),
    ],
)
def test_both_backends_train_alike(method: str, late: float) -> None:
    reference, kernels = losses(method, "reference"), losses(method, "cpu")
    torch.testing.assert_close(kernels[:10], reference[:10], rtol=1e-4, atol=0)
    windows = [run.view(-1, WINDOW).mean(1) for run in (kernels, reference)]
    torch.testing.assert_close(*windows, rtol=late, atol=0)
    assert float(reference[-WINDOW:].mean()) < 0.9 * float(reference[:WINDOW].mean())
