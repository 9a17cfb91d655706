"""One run in a process of its own: `python -m bench.worker STORE < config.json`.

Progress goes to standard output, one JSON object a line; the result goes to the store. Exit status 0 means stored.
"""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench import baselines, environment, memory, methods, studies
from bench.config import RunConfig
from bench.metrics import scores
from bench.record import Run, Trace, run_key
from bench.seeds import stream
from bench.store import Store
from bench.task import Task, curve_points
from bench.timing import Stopwatch, settle
from bench.training import DivergedError, Progress, Training
from datasets import get, names, text
from datasets.base import Part, Splits
from mongoose.ops import backend

LINES: dict[str, Callable[[Part, Part], NDArray[np.int64]]] = {
    "most_frequent": lambda train, test: np.tile(baselines.most_frequent(train), (test.points, 1)),
    "nearest_neighbours": baselines.nearest_neighbours,
}


def key_of(config: RunConfig) -> str:
    """The key under which the store keeps this run; other data of the same name make another run."""
    return run_key(config.model_dump(mode="json") | {"data": _data(config.dataset)}, environment.code_digest())


def _data(name: str) -> dict[str, Any]:
    """What tells the content of a data set apart; nothing, where data are made up."""
    if name in text.names():
        return {"recipe": text.get(name).entry.recipe}
    return dict(get(name).provenance()) if name in names() else {}


def execute(config: RunConfig, progress: Progress) -> tuple[Run, list[Trace], list[dict[str, Any]]]:
    """Carry out one run; a loss that is not finite makes it `diverged`, with what was measured until then."""
    if config.method in studies.found():
        return _study(config)
    return *_compare(config, progress), []


def _study(config: RunConfig) -> tuple[Run, list[Trace], list[dict[str, Any]]]:
    torch.set_num_threads(config.threads)
    backend.use(config.backend)
    known, rows = describe(config), list(studies.found()[config.method].measures(config))
    return Run(**known, status="ok"), [], rows


def _compare(config: RunConfig, progress: Progress) -> tuple[Run, list[Trace]]:
    torch.set_num_threads(config.threads)
    backend.use(config.backend)
    known = describe(config)
    if config.method in methods.found() and (reason := methods.get(config.method).skip()) is not None:
        return Run(**known, status="error", reason=reason), []
    progress({"phase": "reading data"})
    dataset = get(config.dataset)
    task = Task(dataset.name, held(dataset.load(), config), config.hidden, dataset.propensity)
    return _score_line(known, config, task) if config.method in LINES else _train(known, config, task, progress)


def held(splits: Splits, config: RunConfig) -> Splits:
    """The same parts, but as many test points as are to be scored: what is not there cannot decide anything."""
    if not config.final:
        return replace(splits, test=splits.test.take(np.empty(0, np.int64)))
    return (
        splits if config.final_points is None else replace(splits, test=curve_points(splits.test, config.final_points))
    )


def _score_line(known: dict[str, Any], config: RunConfig, task: Task) -> tuple[Run, list[Trace]]:
    clock = Stopwatch()
    with clock.phase("evaluation"):
        top = LINES[config.method](task.splits.train, task.splits.test)
    found = scores(top, task.splits.test.labels, task.inverse_propensity)
    return _row(known, task, evaluation_s=clock.seconds("evaluation"), **found), []


def _train(known: dict[str, Any], config: RunConfig, task: Task, progress: Progress) -> tuple[Run, list[Trace]]:
    method, streams = methods.get(config.method), partial(stream, config.seed)
    method_config = method.config(**config.params)
    task.train.batch(torch.zeros(1, dtype=torch.int64))
    base_mib = memory.resident_mib()
    net = method.build(task, method_config, streams)
    training = Training(known["key"], config, task, net, method_config.adam(), streams)
    status: dict[str, Any] = {"status": "ok"}
    try:
        found = training.run(progress)
    except DivergedError as error:
        status, found = {"status": "diverged", "reason": str(error)}, {}
    measured = _measured(training) | found | status
    return _row(known, task, base_mib=base_mib, **measured), training.traces


def _measured(training: Training) -> dict[str, Any]:
    best_p, best_step, best_s = training.best
    evaluations = [trace for trace in training.traces if trace.event == "evaluation"]
    return {
        "steps": training.step,
        "epochs": training.epoch,
        "train_s": training.train_s,
        "update_s": training.clock.seconds("update"),
        "evaluation_s": training.clock.seconds("evaluation", "final"),
        "peak_mib": training.peak_mib,
        "parameters": sum(parameter.numel() for parameter in training.net.parameters()),
        "table_updates": training.statistics.updates,
        "rows_updated": training.statistics.rows_moved,
        "best_step": best_step,
        "best_s": best_s,
        "validation_p_at_1": best_p if evaluations else math.nan,
        "last_p_at_1": evaluations[-1].p_at_1 if evaluations else math.nan,
    }


def _row(known: dict[str, Any], task: Task, **measured: Any) -> Run:
    return Run(
        **known,
        **({"status": "ok"} | measured),
        test_points=task.splits.test.points,
    )


def describe(config: RunConfig) -> dict[str, Any]:
    """The fields of a row that are known before the run: what was asked, of which data, where and when."""
    asked = config.model_dump(mode="json")
    if config.method in methods.found():
        asked["params"] = methods.get(config.method).config(**config.params).model_dump(mode="json")
    if data := _data(config.dataset):
        asked["data"] = data
    return {
        "key": key_of(config),
        "experiment": config.experiment,
        "scale": config.scale,
        "method": config.name,
        "dataset": config.dataset,
        "seed": config.seed,
        "budget_s": config.seconds,
        "config": json.dumps(asked, sort_keys=True),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment.describe(config.threads, config.backend),
    }


def tell(event: dict[str, Any]) -> None:
    """One line for the runner."""
    print(json.dumps(event), flush=True)


def main() -> None:
    config = RunConfig.model_validate_json(sys.stdin.read())
    settle()
    run, traces, measures = execute(config, tell)
    Store(Path(sys.argv[1])).append(run, traces, measures)
    tell({"status": run.status, "reason": run.reason})


if __name__ == "__main__":
    main()
