"""Configurations of methods: what stored rows say is still understood."""

import csv
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import datasets
from bench import methods
from bench.seeds import stream
from bench.task import Task
from bench.training import endless_batches, train_step

RESULTS = Path(__file__).parents[2] / "reports" / "results"


def stored() -> list[tuple[str, dict[str, Any]]]:
    """Method and parameters of every committed run of a method that there is."""
    rows = [row for path in sorted(RESULTS.glob("*/runs.csv")) for row in csv.DictReader(path.read_text().splitlines())]
    return [(row["method"], json.loads(row["config"])["params"]) for row in rows if row["method"] in methods.found()]


def test_the_configurations_of_committed_rows_are_accepted_and_mean_the_same() -> None:
    assert len(stored()) > 20
    for name, params in stored():
        config = methods.get(name).config(**params).model_dump(mode="json")
        if "corrected" in params:
            assert config["correction"] == ("importance" if params["corrected"] else "none")
        assert {key: config[key] for key in params if key != "corrected"} == {
            key: value for key, value in params.items() if key != "corrected"
        }


def test_a_correction_is_named_once() -> None:
    config = methods.get("sampled_frequency").config
    with pytest.raises(ValidationError, match="corrected"):
        config(corrected=True, correction="none")
    with pytest.raises(ValidationError, match="'none', 'importance' or 'logq'"):
        config(correction="half")


@pytest.fixture(scope="module")
def task() -> Task:
    return Task("tiny", datasets.get("tiny").load(), hidden=16)


def losses(name: str, task: Task, steps: int = 4, **params: Any) -> list[float]:
    """The losses of the first steps."""
    method, streams = methods.get(name), partial(stream, 0)
    config = method.config(**params)
    net = method.build(task, config, streams)
    optimizers, batches = net.optimizers(**config.adam()), endless_batches(len(task.train), 10, streams)
    net.refresh(0)
    found = []
    for step in range(1, steps + 1):
        loss = train_step(net, optimizers, *task.train.batch(next(batches)))
        net.refresh(step)
        found.append(loss.item())
    return found


SMALL = {"num_random": 16, "keep": 2, "bucket_cap": 4}


@pytest.mark.parametrize(
    ("name", "usual", "other"),
    [
        *(("sampled_uniform", {"num_samples": 64}, {"correction": name}) for name in ("importance", "logq")),
        *(("sampled_frequency", {"num_samples": 64}, {"correction": name}) for name in ("none", "logq")),
        *(("sampled_log_uniform", {"num_samples": 64}, {"correction": name}) for name in ("none", "importance")),
        *(("in_batch", {}, {"correction": name}) for name in ("none", "importance")),
        *(("naive_lsh", SMALL, {"retrieved_probability": name}) for name in ("collision", "counted")),
        *(("naive_lsh", SMALL, {"buckets": kind}) for kind in ("fifo", "reservoir")),
        ("mongoose", SMALL, {"retrieved_probability": "counted"}),
        ("mongoose", SMALL, {"warm_up": 2}),
        ("mongoose", SMALL, {"retrieve_every": 2}),
        *(("slide", {"num_tables": 8, "num_active": 64}, {"strategy": name}) for name in ("top_k", "hard_threshold")),
        *(
            ("slide", {"num_tables": 8, "num_active": 64, "bucket_cap": 2}, {"buckets": kind})
            for kind in ("fifo", "reservoir")
        ),
        ("slide_released", {"bucket_cap": 2}, {"fill": 30}),
        ("mongoose_released", {"num_bits": 6, "num_tables": 1}, {"learned": False}),
    ],
    ids=str,
)
def test_every_option_trains_and_is_not_another_name_of_the_default(
    name: str, usual: dict[str, Any], other: dict[str, Any], task: Task
) -> None:
    default, found = losses(name, task, **usual), losses(name, task, **usual | other)
    assert all(math.isfinite(loss) for loss in found)
    assert default != found


def test_the_law_of_collisions_is_refused_where_hash_functions_are_learned(task: Task) -> None:
    config = methods.get("mongoose").config(retrieved_probability="collision")
    with pytest.raises(ValueError, match="LearnedSimHash"):
        methods.get("mongoose").build(task, config, partial(stream, 0))
