"""Whole training steps through the kernels: the losses of the definitions, from the same random numbers."""

from collections.abc import Callable
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
from cuda_kernels.arguments import Launch
from cuda_kernels.emulator import run
from mongoose.ops.backend import Backend, using

STEPS = 20
STEP = {"embedding_bag", "scatter_segments"}
KERNELS = {  # some that a step must have launched
    "sampled_frequency": STEP | {"inverse_cdf", "softmax_chunks", "softmax_weights", "take_shares_off"},
    "slide": STEP | {"simhash", "sampled_matmul", "ragged_softmax", "row_adam"},
    "mongoose": STEP | {"simhash", "softmax_chunks", "softmax_weights", "row_adam"},
}


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


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("sampled_frequency", {"num_samples": 200, "correction": "importance"}),
        ("sampled_frequency", {"num_samples": 200, "correction": "logq"}),
        ("sampled_frequency", {"num_samples": 200, "correction": "none", "second_moment": "row"}),
        ("slide", {"num_bits": 4, "num_tables": 8, "num_active": 64, "first_update": 5}),
        ("mongoose", {"num_random": 100, "num_tables": 4, "ask_every": 5}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_methods_train_as_defined(monkeypatch: pytest.MonkeyPatch, method: str, settings: dict[str, Any]) -> None:
    """The same active sets; sums in another order. Adam divides by roots of squares: what is nearly 0 shows first."""
    launched: set[str] = set()

    def noted(asked: Launch, launch: Callable[[Launch], None] = run.run) -> None:
        launched.add(asked.kernel.name)
        launch(asked)

    monkeypatch.setattr(run, "run", noted)
    reference = losses(method, "reference", lr=1e-2, **settings)
    found = losses(method, "emulated", lr=1e-2, **settings)
    torch.testing.assert_close(found[0], reference[0], rtol=1e-4, atol=0)
    torch.testing.assert_close(found[1], reference[1], rtol=1e-3, atol=1e-3)
    assert float(reference[0][-5:].mean()) < 0.95 * float(reference[0][:5].mean())  # there is something to agree on
    assert launched >= KERNELS[method], launched
