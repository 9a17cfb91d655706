"""Time the steps of one system in this process."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench import methods
from bench.seeds import stream
from bench.speed.place import CPU, Place
from bench.speed.shapes import BATCH
from bench.speed.systems import System
from bench.task import Task
from bench.timing import Stopwatch
from bench.training import endless_batches
from mongoose.candidates import Candidates
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import SparseRows, XMCNet
from mongoose.sampling.base import Sampler, SharedActiveSet
from mongoose.sampling.retrieved import RetrievedSampler
from mongoose.scheduling.base import Rows, UpdatePolicy
from mongoose.scheduling.every import Every
from mongoose.scheduling.exponential import Exponential

STEP_PHASES = ("batch", "forward", "backward", "optimizer")  # what a step is, table updates apart
LEAST_STEPS = 3
SEEN_OFTEN = 2  # updates among the timed steps whose mean is taken as it is
WATCHED_STEPS = 10  # of which the touched rows are counted, off the clock


@dataclass(frozen=True)
class Plan:
    """How long to measure: `steps` timed steps or `seconds` of them, whichever is less, but at least three.

    Before that up to `warmup` steps are not timed: fewer, but at least three, if they take a quarter of the seconds.
    """

    steps: int
    seconds: float
    warmup: int = 10


class Stepper:
    """A network in training, one timed step at a time."""

    def __init__(self, task: Task, system: System, seed: int = 0, place: Place = CPU) -> None:
        method, streams = methods.get(system.method), partial(stream, seed)
        config = method.config(**system.params)
        self.task, self.place = task, place
        self.net = method.build(task, config, streams).to(place.device)
        self.optimizers = self.net.optimizers(**config.adam())
        self.batches: Iterator[Tensor] = endless_batches(len(task.train), BATCH, streams)
        self.step = 0
        self.rows: SparseRows | None = None

    def advance(self) -> Stopwatch:
        """One step from cutting the batch to the update of the tables, each phase on the clock."""
        self.place.flush()
        clock = self.place.clock()
        with clock.phase("batch"):
            self.rows, labels = self.place.put(self.task.train.batch(next(self.batches)))
        with clock.phase("forward"):
            loss = self.net.loss(self.rows, labels)
        with clock.phase("backward"):
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            loss.backward()
        with clock.phase("optimizer"):
            for optimizer in self.optimizers:
                optimizer.step()
        self.step += 1
        self.refresh(self.step, clock)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"loss {loss.item()} at step {self.step}")
        return clock

    @torch.no_grad()
    def hidden(self, points: Tensor) -> tuple[Tensor, Candidates]:
        """The queries [B, D] that training points ([B] int64) are to the output layer by now, and their labels."""
        rows, labels = self.place.put(self.task.train.batch(points))
        return self.net.hidden(rows), labels

    def refresh(self, step: int, clock: Stopwatch) -> None:
        with clock.phase("update"):
            self.net.refresh(step)

    @property
    def updates(self) -> int:
        """Table updates so far, the first build not counted; 0 where nothing counts them."""
        index = None if self._sampler is None else self._sampler.index
        return 0 if index is None else index.statistics.updates - 1

    @property
    def can_update(self) -> bool:
        """Whether there is anything that follows the weights."""
        return isinstance(self._sampler, RetrievedSampler) or (
            self._sampler is not None and self._sampler.index is not None
        )

    def update_all(self, clock: Stopwatch) -> None:
        """One update of everything, as the policy would call for it: mining, fitting, hashing, tables."""
        sampler, head = self._sampler, self.net.head
        assert isinstance(head, SampledLinear)
        weight, bias = head.weight.detach(), head.bias.detach()
        with clock.phase("update"):
            if isinstance(sampler, RetrievedSampler):
                sampler.retriever.build(weight, bias)
            elif sampler is not None and sampler.index is not None:
                sampler.mine(weight, bias)
                sampler.index.refresh(self.step, weight, Rows.ALL, bias)

    @property
    def _sampler(self) -> Sampler | None:
        return self.net.head.sampler if isinstance(self.net.head, SampledLinear) else None


def measure(task: Task, system: System, plan: Plan, place: Place = CPU) -> dict[str, Any]:
    """Build the system, warm it up and time its steps.

    Returns:
        phases: seconds of each phase of each timed step. update_s: seconds of table updates a step: their mean, where
        at least two came among the timed steps (updates says how many did); else what asking the policy costs, and one
        full update, made for the purpose, over the steps between two: the policy's interval (the first, if they grow),
        or, if it has none, all steps since the build, none of which may have called for one: then it is an upper
        bound for what those steps cost, not an estimate for longer runs. build_s: the first build of the tables, which
        is in no step. peak_mib: of the process from before the build on; base_mib: data, torch and nothing else; on a
        GPU both are those of torch's allocator.
        active_rows, feature_rows, feature_entries: see `touched`, means.
    """
    task.train.batch(torch.zeros(1, dtype=torch.int64))
    base_mib = place.resident_mib()
    place.reset_peak()
    stepper, build = Stepper(task, system, place=place), place.clock()
    stepper.refresh(0, build)
    _warm_up(stepper, plan)
    before = stepper.updates
    clocks, counts = _timed(stepper, plan)
    updates = stepper.updates - before
    names = (*STEP_PHASES, "update")
    return {
        "phases": {name: [clock.seconds(name) for clock in clocks] for name in names},
        "update_s": _amortised_update(stepper, clocks, updates),
        "updates": updates,
        "build_s": build.seconds("update"),
        "base_mib": base_mib,
        "peak_mib": place.peak_mib(),
        "parameters": sum(parameter.numel() for parameter in stepper.net.parameters()),
        **_means(counts),
    }


def _warm_up(stepper: Stepper, plan: Plan) -> None:
    spent = 0.0
    for step in range(plan.warmup):
        spent += _seconds(stepper.advance())
        if spent > plan.seconds / 4 and step + 1 >= LEAST_STEPS:
            return


def _timed(stepper: Stepper, plan: Plan) -> tuple[list[Stopwatch], list[dict[str, float | None]]]:
    clocks: list[Stopwatch] = []
    counts: list[dict[str, float | None]] = []
    spent = 0.0
    while len(clocks) < LEAST_STEPS or (len(clocks) < plan.steps and spent < plan.seconds):
        clocks.append(stepper.advance())
        spent += _seconds(clocks[-1])
        if len(counts) < WATCHED_STEPS and stepper.rows is not None:
            counts.append(touched(stepper.net, stepper.rows))
    return clocks, counts


def _seconds(clock: Stopwatch) -> float:
    return clock.seconds(*STEP_PHASES, "update")


def _amortised_update(stepper: Stepper, clocks: list[Stopwatch], updates: int) -> float:
    """Seconds of table updates a step, as `measure` defines them. updates: those among the timed steps."""
    mean = sum(clock.seconds("update") for clock in clocks) / len(clocks)
    if updates >= SEEN_OFTEN or not stepper.can_update:
        return mean
    once = stepper.place.clock()
    stepper.update_all(stepper.place.clock())  # the first fit of hash functions is longer than the later ones
    stepper.update_all(once)
    asked = sum(sorted(clock.seconds("update") for clock in clocks)[: len(clocks) - updates]) / len(clocks)
    return asked + once.seconds("update") / (update_interval(stepper.net) or stepper.step)


def update_interval(net: XMCNet) -> int | None:
    """Steps between table updates where the policy fixes them (the first interval, if they grow); None elsewhere."""
    policy = _policy(net)
    if isinstance(policy, Every):
        return policy.interval
    return round(policy.first) if isinstance(policy, Exponential) else None


def _policy(net: XMCNet) -> UpdatePolicy | None:
    sampler = net.head.sampler if isinstance(net.head, SampledLinear) else None
    if isinstance(sampler, RetrievedSampler):
        return sampler.policy
    return None if sampler is None or sampler.index is None else sampler.index.policy


def _means(counts: list[dict[str, float | None]]) -> dict[str, float | None]:
    """The mean of each count over steps; None where it is not known."""
    known = {name: [value for count in counts if (value := count[name]) is not None] for name in counts[0]}
    return {name: sum(values) / len(values) if values else None for name, values in known.items()}


def touched(net: XMCNet, rows: SparseRows) -> dict[str, float | None]:
    """What the last batch made the step look at.

    Returns:
        active_rows: output rows, the same for the whole batch; None where all rows or one set a sample are used.
        feature_rows: distinct input rows. feature_entries: stored features of the batch.
    """
    return {
        "active_rows": net.head.active_size if shares_rows(net) else None,
        "feature_rows": float(len(torch.unique(rows.indices))),
        "feature_entries": float(len(rows.indices)),
    }


def shares_rows(net: XMCNet) -> bool:
    """Whether the step works on some output rows only, the same for every sample."""
    head = net.head
    if isinstance(head, SampledLinear):
        return isinstance(head.active, SharedActiveSet)
    return head.row_sparse
