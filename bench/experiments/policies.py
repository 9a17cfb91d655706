"""When to update the tables: every policy on the same task, beside naive LSH and an oracle."""

from typing import Any

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

POLICIES: dict[str, dict[str, Any]] = {
    "always": {"policy": "always"},
    "touched": {"policy": "touched"},
    "oracle": {"policy": "oracle"},
    "two_copy": {"policy": "two_copy"},
    "drift": {"policy": "drift"},
    "margin": {"policy": "margin"},
    "every_50": {"policy": "every", "interval": 50},
    "every_500": {"policy": "every", "interval": 500},
    "exponential": {"policy": "exponential"},
    "released_slide": {"policy": "drift_released_slide"},
    "released_reformer": {"policy": "drift_released_reformer"},
    "never": {"policy": "never"},
}
DATASETS = ("wordnet", "debian-files-330k")
STEPS = {"smoke": 40, "quick": 400, "paper": 3000}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed and set by set, every policy in turn."""
    datasets = ("tiny",) if scale == "smoke" else DATASETS
    return [
        RunConfig(
            experiment=experiment.item,
            scale=scale,
            method="lsh_policy",
            variant=name,
            params=params | {"planes": "hadamard"},
            dataset=dataset,
            seed=seed,
            steps=STEPS[scale],
            seconds=0.05 * STEPS[scale],
            evaluations=4 if scale == "smoke" else 10,
            threads=1,
        )
        for seed in range(seeds)
        for dataset in datasets
        for name, params in POLICIES.items()
    ]


experiment = Experiment(
    item="policies",
    asks="How seldom can tables be updated without losing what they find, and how well does each policy know when?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    needs=DATASETS[1:],
)
