"""Random search: which trials there are, and which of them won, by the validation part alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from bench import environment, methods
from bench.config import Backend, RunConfig
from bench.methods.base import Method
from bench.seeds import stream
from bench.worker import key_of

EXPERIMENT = "tune"
EVALUATIONS = 4  # the best of them counts; on many labels each takes seconds


@dataclass(frozen=True)
class Budget:
    """What every method gets: `trials` runs of `seconds` on the clock; `seed` draws their settings and starts them."""

    trials: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class Winner:
    """The settings of a method's best trial.

    Attributes:
        params: every field of the method's space, defaults too. trial: its number; 0 is the defaults.
        validation_p_at_1: its best on the validation part; default_p_at_1: that of trial 0, None if that failed.
        succeeded: trials that ended well. commit, code: of the code that ran.
    """

    params: Mapping[str, Any]
    trial: int
    validation_p_at_1: float
    default_p_at_1: float | None
    succeeded: int
    commit: str
    code: str


def draws(method: Method[Any], budget: Budget) -> list[dict[str, Any]]:
    """Settings of the trials: the defaults, then draws from the method's space.

    A draw depends on the seed, the number of the trial and the name of the field: methods that share a range are given
    the same values of it, and more trials begin with the same ones.

    Raises:
        ValueError: the space names what is no field of the method's configuration, or a value is not accepted there.
    """
    unknown = sorted(set(method.space) - set(method.config.model_fields))
    if unknown:
        known = ", ".join(method.config.model_fields)
        raise ValueError(f"the space of {method.name} names {', '.join(unknown)}; the fields are: {known}.")
    defaults = method.config()
    found = [{field: getattr(defaults, field) for field in method.space}]
    for trial in range(1, budget.trials):
        found.append({field: of.at(_fraction(budget.seed, trial, field)) for field, of in method.space.items()})
    for params in found:
        method.config(**params)
    return found


def _fraction(seed: int, trial: int, field: str) -> float:
    """In [0, 1)."""
    return float(torch.rand((), generator=stream(seed, f"tune/{trial}/{field}"), dtype=torch.float64))


def trials(dataset: str, names: Sequence[str], budget: Budget, backend: Backend) -> dict[str, list[RunConfig]]:
    """The runs of each method, equally many for all; none of them is scored on the test part."""
    return {
        name: [
            RunConfig(
                experiment=EXPERIMENT,
                scale="quick",
                method=name,
                dataset=dataset,
                seed=budget.seed,
                params=params,
                seconds=budget.seconds,
                evaluations=EVALUATIONS,
                backend=backend,
                final=False,
            )
            for params in draws(methods.get(name), budget)
        ]
        for name in names
    }


def in_turn(runs: Mapping[str, Sequence[RunConfig]]) -> list[RunConfig]:
    """Trial by trial every method: whatever the machine does meanwhile, it does to all."""
    return [config for trial in zip(*runs.values(), strict=True) for config in trial]


def winner(configs: Sequence[RunConfig], runs: pd.DataFrame) -> Winner | None:
    """The trial with the highest `validation_p_at_1`, the first of equal ones; None if none ended well.

    Args:
        configs: the trials of one method. runs: rows of a store, in which those of the trials are found by their keys.
    """
    ended = runs.loc[runs["status"] == "ok", ["key", "validation_p_at_1"]]
    validation = dict(ended.dropna().itertuples(index=False, name=None))
    scores = [validation.get(key_of(config), -math.inf) for config in configs]
    best = max(range(len(scores)), key=scores.__getitem__)
    if math.isinf(scores[best]):
        return None
    return Winner(
        params=configs[best].params,
        trial=best,
        validation_p_at_1=scores[best],
        default_p_at_1=None if math.isinf(scores[0]) else scores[0],
        succeeded=sum(math.isfinite(score) for score in scores),
        commit=environment.commit(),
        code=environment.code_digest(),
    )
