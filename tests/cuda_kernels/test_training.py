"""Whole training steps through the kernels: the losses of the definitions, from the same random numbers.

The same active sets, codes and fits, and sums in another order: losses differ by less than RTOL at every step, weights
by less than a thousandth at the end. Adam divides by roots of squares, so that what is nearly 0 shows first.
"""

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
from mongoose.ops.backend import Backend, Op, using

RTOL = 1e-4
SHORT, LONG = 4, 50  # steps
STEP = {"embedding_bag", "scatter_segments"}
SHARED = STEP | {"softmax_chunks", "softmax_samples", "softmax_weights", "take_shares_off", "row_adam"}
TABLES = {"simhash", "move_by_digit", "locate_buckets", "collect_items", "compare_codes"}
LEARNED = {"contrastive", "contrastive_rows", "choose_pairs", "list_counted"}
FEW = {"num_random": 100, "num_tables": 4}
POLICY = FEW | {"full_every": 9}
TRAINED: list[tuple[str, dict[str, Any], int, set[str]]] = [  # what is set, steps, kernels that must have run
    ("mongoose", FEW | {"ask_every": 5}, LONG, SHARED | TABLES | LEARNED | {"bit_distance"}),
    ("slide", {"num_bits": 4, "num_tables": 8, "num_active": 64, "first_update": 5}, LONG, STEP | TABLES),
    ("mongoose", FEW | {"learned": False, "planes": "sparse", "ask_every": 2}, 10, SHARED | {"sparse_simhash"}),
    ("slide", {"num_tables": 4, "num_active": 64, "planes": "sparse"}, SHORT, STEP | {"sparse_simhash"}),
    ("slide", {"num_tables": 4, "num_active": 64, "strategy": "top_k"}, SHORT, STEP | {"select_best"}),
    ("mongoose_published", {"epsilon": 0.02, "learn_every": 6}, 14, {"compare_copies", "mark_members"}),
    ("mongoose_released", {"every": 5}, 11, SHARED | {"choose_pairs", "list_counted"}),
    ("lsh_policy", POLICY | {"policy": "two_copy", "epsilon": 0.05}, 20, SHARED | TABLES | {"compare_copies"}),
    ("lsh_policy", POLICY | {"policy": "drift", "ask_every": 2}, 20, SHARED | TABLES | {"bit_distance"}),
    ("lsh_policy", POLICY | {"policy": "margin"}, 10, SHARED | TABLES | {"compare_copies"}),
    ("lsh_policy", POLICY | {"policy": "oracle"}, 10, SHARED | TABLES),
    ("sampled_frequency", {"num_samples": 200, "correction": "logq"}, 20, SHARED | {"inverse_cdf"}),
    ("sampled_frequency", {"num_samples": 200, "correction": "none", "second_moment": "row"}, 20, {"row_adam_rowwise"}),
]


class Noted:
    """What ran: `launched` kernels, and `defined`, ops that have no kernel and ran as their definitions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.launched: set[str] = set()
        self.defined: set[str] = set()
        launch, form = run.run, Op._cuda_form

        def note_launch(asked: Launch) -> None:
            self.launched.add(asked.kernel.name)
            launch(asked)

        def note_form(op: Op[..., Any], backend: Backend) -> Callable[..., Any]:
            chosen = form(op, backend)
            if chosen is op.reference:
                self.defined.add(op.torch_op._qualname)
            return chosen

        monkeypatch.setattr(run, "run", note_launch)
        monkeypatch.setattr(Op, "_cuda_form", note_form)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    return Noted(monkeypatch)


def train(method: str, backend: Backend, steps: int, settings: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """[steps] losses, and the output layer's weights after them; all random numbers are drawn outside the ops."""
    streams, task = partial(stream, 0), Task("tiny", datasets.get("tiny").load(), hidden=16)
    plug_in = methods.get(method)
    config = plug_in.config(lr=1e-2, **settings)
    net = plug_in.build(task, config, streams)
    optimizers, batches = net.optimizers(**config.adam()), endless_batches(len(task.train), 32, streams)
    found = []
    with using(backend):
        net.refresh(0)
        for step in range(1, steps + 1):
            found.append(train_step(net, optimizers, *task.train.batch(next(batches))))
            net.refresh(step)
    return torch.stack(found), net.head.weight.detach()


def alike(method: str, steps: int, settings: dict[str, Any]) -> Tensor:
    """The losses, which both backends have come to."""
    reference, found = (train(method, backend, steps, settings) for backend in ("reference", "emulated"))
    torch.testing.assert_close(found[0], reference[0], rtol=RTOL, atol=0)
    torch.testing.assert_close(found[1], reference[1], rtol=1e-3, atol=1e-3)
    return reference[0]


@pytest.mark.parametrize(
    ("method", "settings", "steps", "kernels"),
    TRAINED,
    ids=lambda of: of if isinstance(of, str) else "-".join(map(str, of.values())) if isinstance(of, dict) else "",
)
def test_methods_train_as_defined(
    noted: Noted, method: str, settings: dict[str, Any], steps: int, kernels: set[str]
) -> None:
    losses = alike(method, steps, settings)
    if steps >= 20:
        assert float(losses[-5:].mean()) < 0.95 * float(losses[:5].mean())  # there is something to agree on
    assert noted.launched >= kernels, kernels - noted.launched
    assert not noted.defined


@pytest.mark.parametrize("method", sorted(methods.found()))
def test_every_method_takes_its_first_steps_as_defined(noted: Noted, method: str) -> None:
    """With the settings that the methods come with. All cut batches by an op, all but one sum up features' rows."""
    if reason := methods.get(method).skip():
        pytest.skip(reason)
    alike(method, SHORT, {})
    assert noted.launched >= ({"list_ranges"} if method == "torch_sampled" else STEP), noted.launched
    assert not noted.defined
