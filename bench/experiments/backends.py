"""MONGOOSE and SLIDE for a few steps of the tiny set: the same work for every backend, losses to be compared."""

from typing import Any

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

STEPS = 50
FEW = {"num_random": 256, "num_tables": 8, "lr": 1e-2}
SMALL = {"num_bits": 5, "num_tables": 8, "num_active": 64, "lr": 1e-2, "first_update": 10}
SYSTEMS: list[tuple[str, str, dict[str, Any]]] = [  # learned hashing, each policy that has two copies, SLIDE
    ("mongoose", "", FEW | {"ask_every": 5}),
    ("mongoose_published", "", {"num_tables": 8, "lr": 1e-2, "learn_every": 20}),
    ("lsh_policy", "two_copy", FEW | {"policy": "two_copy", "full_every": 20}),
    ("slide", "", SMALL),
    ("slide", "sparse", SMALL | {"planes": "sparse"}),
]


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed every system; all scales are alike."""
    return [
        RunConfig(
            experiment=experiment.item,
            scale=scale,
            method=method,
            variant=variant,
            params=params,
            dataset="tiny",
            seed=seed,
            steps=STEPS,
            seconds=60,
            batch_size=32,
            hidden=32,
            evaluations=5,
            curve_points=64,
            final_points=64,
            threads=1,
        )
        for seed in range(seeds)
        for method, variant, params in SYSTEMS
    ]


experiment = Experiment(
    item="backends",
    asks="Do MONGOOSE and SLIDE train alike on every backend?",
    seeds={"smoke": 1, "quick": 1, "paper": 1},
    runs=runs,
    only_named=True,
)
