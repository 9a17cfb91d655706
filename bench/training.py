"""Train one network under a budget of seconds or steps, evaluating at equal spacing with the clock stopped."""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import memory
from bench.config import RunConfig
from bench.evaluation import active_size, evaluate, full_loss, recalls
from bench.hash_change import Change, HashWatch
from bench.methods.base import Streams
from bench.record import Trace
from bench.task import Task, curve_points
from bench.timing import Stopwatch
from mongoose.candidates import Candidates
from mongoose.index import IndexStatistics
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import SparseRows, XMCNet

Progress = Callable[[dict[str, Any]], None]


class DivergedError(RuntimeError):
    """The loss is no longer finite."""


class Training:
    """One run in progress. On the clock: batches, steps (phase "step") and table updates (phase "update")."""

    def __init__(
        self, key: str, config: RunConfig, task: Task, net: XMCNet, adam: dict[str, Any], streams: Streams
    ) -> None:
        self.key, self.config, self.task, self.net = key, config, task, net
        self.optimizers = net.optimizers(**adam)
        self.batches = endless_batches(len(task.train), config.batch_size, streams)
        self.watch = HashWatch(config.hidden, generator=streams("watch"))
        self.clock = Stopwatch()
        self.step = 0
        self.peak_mib = math.nan
        self.best = (-1.0, 0, 0.0)  # validation P@1, step, seconds
        self.traces: list[Trace] = []
        self._losses: list[float] = []
        self._validation = curve_points(task.splits.validation, config.curve_points)
        self._test = curve_points(task.splits.test, config.curve_points)

    def run(self, progress: Progress) -> dict[str, float]:
        """Train until the budget is spent; returns the test scores of the network of the best validation P@1."""
        with tempfile.TemporaryDirectory() as directory:
            best = Path(directory) / "best.pt"
            memory.reset_peak()
            with self.clock.phase("update"):
                self.net.refresh(0)
            self._note_peak()
            epoch_codes = self.watch.codes(self.net.head.weight)
            memory.reset_peak()
            for part in range(1, self.config.evaluations + 1):
                epoch_codes = self._train_until(part / self.config.evaluations, epoch_codes, progress)
                self._evaluate(best, progress)
            self.net.load_state_dict(torch.load(best, weights_only=True))
        with self.clock.phase("final"):
            return evaluate(self.net, self.task.splits.test, self.task)

    @property
    def train_s(self) -> float:
        return self.clock.seconds("step", "update")

    @property
    def epoch(self) -> float:
        return self.step * self.config.batch_size / len(self.task.train)

    @property
    def statistics(self) -> IndexStatistics:
        head = self.net.head
        index = head.sampler.index if isinstance(head, SampledLinear) else None
        return IndexStatistics() if index is None else index.statistics

    @property
    def spent(self) -> float:
        """The part of the budget that is spent; the step before an evaluation belongs to it."""
        if self.config.steps is not None:
            return (self.step + 1) / self.config.steps
        return self.train_s / self.config.seconds

    def _train_until(self, spent: float, epoch_codes: Tensor, progress: Progress) -> Tensor:
        while self.spent < spent:
            epoch_before = int(self.epoch)
            self._train_step()
            if int(self.epoch) > epoch_before:
                epoch_codes = self._end_epoch(epoch_codes)
            if self.step % 20 == 0:
                progress({"seconds": self.train_s, "step": self.step, "loss": self._losses[-1]})
        return epoch_codes

    def _train_step(self) -> None:
        with self.clock.phase("step"):
            loss = train_step(self.net, self.optimizers, *self.task.train.batch(next(self.batches)))
        self.step += 1
        self._losses.append(loss.item())
        if not math.isfinite(self._losses[-1]):
            raise DivergedError(f"loss {self._losses[-1]} at step {self.step}")
        with self.clock.phase("update"):
            self.net.refresh(self.step)

    def _end_epoch(self, before: Tensor) -> Tensor:
        self._note_peak()
        after = self.watch.codes(self.net.head.weight)
        change = self.watch.change(before, after)
        self.traces.append(self._trace("epoch", bits_changed_epoch=change.bits, codes_changed_epoch=change.codes))
        memory.reset_peak()
        return after

    def _evaluate(self, best: Path, progress: Progress) -> None:
        change = self._step_under_watch()
        self._note_peak()
        with self.clock.phase("evaluation"):
            validation = evaluate(self.net, self._validation, self.task)["p_at_1"]
            test = evaluate(self.net, self._test, self.task)
            found = recalls(self.net) | {"full_loss": full_loss(self.net, self._test)}
        if validation > self.best[0]:
            self.best = (validation, self.step, self.train_s)
            torch.save(self.net.state_dict(), best)
        shown = ("p_at_1", "p_at_3", "p_at_5", "psp_at_1")
        kept: dict[str, float] = {name: test[name] for name in shown if name in test}
        self.traces.append(
            self._trace(
                "evaluation",
                loss=sum(self._losses) / len(self._losses),
                active=active_size(self.net),
                validation_p_at_1=validation,
                bits_changed_step=change.bits,
                codes_changed_step=change.codes,
                **kept,
                **found,
            )
        )
        self._losses.clear()
        memory.reset_peak()
        progress({"seconds": self.train_s, "step": self.step, **kept})

    def _step_under_watch(self) -> Change:
        self._note_peak()
        before = self.watch.codes(self.net.head.weight)
        memory.reset_peak()
        self._train_step()
        self._note_peak()
        return self.watch.change(before, self.watch.codes(self.net.head.weight))

    def _note_peak(self) -> None:
        self.peak_mib = float(np.fmax(self.peak_mib, memory.peak_mib()))

    def _trace(self, event: Any, **values: float) -> Trace:
        done = self.statistics
        return Trace(
            key=self.key,
            method=self.config.name,
            dataset=self.config.dataset,
            seed=self.config.seed,
            event=event,
            step=self.step,
            epoch=self.epoch,
            train_s=self.train_s,
            update_s=self.clock.seconds("update"),
            table_updates=done.updates,
            rows_updated=done.rows_moved,
            rows_hashed=done.rows_hashed,
            peak_mib=self.peak_mib,
            **values,
        )


def train_step(
    net: XMCNet, optimizers: Iterable[torch.optim.Optimizer], rows: SparseRows, labels: Candidates
) -> Tensor:
    """Forward, backward and the optimisers' step on a batch; returns its loss. Tables are left as they are."""
    loss = net.loss(rows, labels)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    return loss.detach()


def endless_batches(num_points: int, batch_size: int, streams: Streams) -> Iterator[Tensor]:
    """Batches of point ids: each epoch is a new permutation, and its incomplete last batch is dropped."""
    generator = streams("order")
    if num_points < batch_size:
        raise ValueError(f"batch_size={batch_size} exceeds the {num_points} training points; choose a smaller batch.")
    while True:
        order = torch.randperm(num_points, generator=generator)
        yield from order[: num_points - num_points % batch_size].split(batch_size)
