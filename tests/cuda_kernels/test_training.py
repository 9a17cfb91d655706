"""Whole training steps through the kernels: the losses of the definitions, from the same random numbers."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import datasets
from bench import methods
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches, train_step
from cuda_kernels.emulator import run
from mongoose.ops.backend import Backend, using

STEPS = 20
KERNELS = ("embedding_bag", "scatter_segments", "softmax_chunks", "softmax_weights", "row_adam", "inverse_cdf")


def losses(method: str, backend: Backend, **settings: Any) -> tuple[Tensor, Tensor]:
    """[STEPS] losses, and the output layer's weights after them; all random numbers are drawn outside the ops."""
    streams, task = partial(stream, 0), Task("tiny", datasets.get("tiny").load(), hidden=16)
    plug_in = methods.get(method)
    config = plug_in.config(**settings)
    net = plug_in.build(task, config, streams)
    optimizers, batches = net.optimizers(**config.adam()), endless_batches(len(task.train), 32, streams)
    found = []
    with using(backend):
        net.refresh(0)
        for step in range(1, STEPS + 1):
            found.append(train_step(net, optimizers, *task.train.batch(next(batches))))
            net.refresh(step)
    return torch.stack(found), net.head.weight.detach()


@pytest.mark.parametrize("correction", ["importance", "logq", "none"])
def test_a_sampled_softmax_trains_as_defined(monkeypatch: pytest.MonkeyPatch, correction: str) -> None:
    """The same active sets; sums in another order. Adam divides by roots of squares: what is nearly 0 shows first."""
    launched = set()
    launch = run.run
    monkeypatch.setattr(run, "run", lambda asked: (launched.add(asked.kernel.name), launch(asked))[1])
    settings = {"num_samples": 200, "correction": correction, "lr": 1e-2}
    reference, found = (
        losses("sampled_frequency", "reference", **settings),
        losses("sampled_frequency", "emulated", **settings),
    )
    torch.testing.assert_close(found[0], reference[0], rtol=1e-4, atol=0)
    torch.testing.assert_close(found[1], reference[1], rtol=1e-3, atol=1e-3)
    assert float(reference[0][-5:].mean()) < 0.95 * float(reference[0][:5].mean())  # there is something to agree on
    assert launched >= set(KERNELS)
