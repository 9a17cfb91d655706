"""What a training step of each of several systems costs: interleaved in one process, on weights that are trained.

Every system starts from the same weights, trained with random negatives, and goes on from them by itself. They take
turns of some tens of steps, so that whatever the machine does meanwhile, it does to all.
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
    takes, over the steps that did not update. update_ms: one update of all tables, mining and fitting included (the
    second: first fits are longer).
    """
    dataset = datasets.get(config.dataset)
    task = Task(dataset.name, dataset.load(), config.hidden, dataset.propensity)
    steppers = _start(task, config)
    turns: list[dict[str, Any]] = [
        {"system": name, "round": round_} | _turn(steppers[name], config.params["steps"])
        for round_ in range(config.params["rounds"])
        for name in _rotated(list(steppers), round_)
    ]
    updates = {name: _update_ms(stepper) for name, stepper in steppers.items()}
    yield from (turn | {"update_ms": updates[turn["system"]]} for turn in turns)


def _start(task: Task, config: RunConfig) -> dict[str, Stepper]:
    trained = Stepper(task, System("trained", "sampled_frequency"), config.seed)
    for _ in range(config.params["trained"]):
        trained.advance()
    state, steppers = trained.net.state_dict(), {}
    for name, method, params in config.params["systems"]:
        steppers[name] = stepper = Stepper(task, System(name, method, params), config.seed)
        stepper.net.load_state_dict(state)
        stepper.refresh(0, Stopwatch())
        for _ in range(WARM_UP):
            stepper.advance()
    return steppers


def _rotated(names: Sequence[str], by: int) -> Sequence[str]:
    start = by % len(names)
    return [*names[start:], *names[:start]]


def _turn(stepper: Stepper, steps: int) -> dict[str, Any]:
    clocks, asked = [], []
    for _ in range(steps):
        before = stepper.updates
        clocks.append(stepper.advance())
        if stepper.updates == before:
            asked.append(clocks[-1].seconds("update"))
    return {
        "step_ms": 1000 * median(clock.seconds(*STEP_PHASES) for clock in clocks),
        "asked_ms": 1000 * mean(asked) if asked else 0.0,
    }


def _update_ms(stepper: Stepper) -> float:
    """0 where nothing follows the weights."""
    if not stepper.can_update:
        return 0.0
    once = Stopwatch()
    stepper.update_all(Stopwatch())
    stepper.update_all(once)
    return 1000 * once.seconds("update")


study = Study(name="step_cost", measures=measures)
