"""What a training step of each of several systems costs: interleaved in one process, on weights that are trained.

All systems train the same weights, whose moments they share too, in turns of some tens of steps: whatever the machine
does meanwhile, it does to all, and memory holds one network. Before its turn each brings its tables up to date.
"""

from collections.abc import Sequence
from statistics import mean, median
from typing import Any

import datasets
from bench.config import RunConfig
from bench.speed.stepping import STEP_PHASES, Stepper
from bench.speed.systems import System
from bench.studies.base import Rows, Study
from bench.task import Task
from bench.timing import Stopwatch

WARM_UP = 30  # steps of each system before its first turn


def measures(config: RunConfig) -> Rows:
    """A row a system and round.

    Params: systems: [name, method, params] each. trained: steps before. rounds, steps: turns of each, steps a turn.

    Columns: system, round. step_ms: median step, table updates apart. asked_ms: mean of what deciding about updates
    takes, over the steps that did not update. update_ms: one update of all tables, mining and fitting included, after
    the turns of all others.
    """
    dataset = datasets.get(config.dataset)
    task = Task(dataset.name, dataset.load(), config.hidden, dataset.propensity)
    steppers = _start(task, config)
    for round_ in range(config.params["rounds"]):
        for name in _rotated(list(steppers), round_):
            yield {"system": name, "round": round_} | _turn(steppers[name], config.params["steps"])


def _start(task: Task, config: RunConfig) -> dict[str, Stepper]:
    trained = Stepper(task, System("trained", "sampled_frequency"), config.seed)
    for _ in range(config.params["trained"]):
        trained.advance()
    return {
        name: _started(Stepper(task, System(name, method, params), config.seed), trained)
        for name, method, params in config.params["systems"]
    }


def _started(stepper: Stepper, trained: Stepper) -> Stepper:
    """The system with the weights and the optimisers of the trained one, its tables built and fitted once."""
    stepper.net.load_state_dict(trained.net.state_dict(keep_vars=True), assign=True)
    stepper.optimizers = trained.optimizers
    stepper.refresh(0, Stopwatch())
    for _ in range(WARM_UP):
        stepper.advance()
    if stepper.can_update:
        stepper.update_all(Stopwatch())  # the first fit of hash functions is longer than the later ones
    return stepper


def _rotated(names: Sequence[str], by: int) -> Sequence[str]:
    start = by % len(names)
    return [*names[start:], *names[:start]]


def _turn(stepper: Stepper, steps: int) -> dict[str, Any]:
    update_ms, clocks, asked = _update_ms(stepper), [], []
    for _ in range(steps):
        before = stepper.updates
        clocks.append(stepper.advance())
        if stepper.updates == before:
            asked.append(clocks[-1].seconds("update"))
    return {
        "step_ms": 1000 * median(clock.seconds(*STEP_PHASES) for clock in clocks),
        "asked_ms": 1000 * mean(asked) if asked else 0.0,
        "update_ms": update_ms,
    }


def _update_ms(stepper: Stepper) -> float:
    """0 where nothing follows the weights."""
    if not stepper.can_update:
        return 0.0
    once = Stopwatch()
    stepper.update_all(once)
    return 1000 * once.seconds("update")


study = Study(name="step_cost", measures=measures)
