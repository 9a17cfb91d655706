"""Precision against seconds and steps for six methods on WordNet; hash changes, table updates and memory on the way."""

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

TRAINED = ("dense", "sampled_uniform", "sampled_frequency", "naive_lsh", "slide", "mongoose")
LINES = ("most_frequent", "nearest_neighbours")
DATASET = {"smoke": "tiny", "quick": "wordnet", "paper": "wordnet"}
SECONDS = {"smoke": 1.0, "quick": 30.0, "paper": 180.0}
EVALUATIONS = {"smoke": 4, "quick": 8, "paper": 12}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed and, within a seed, every method in turn: whatever the machine does meanwhile, it does to all."""
    lines = [_run(scale, method, 0) for method in LINES]
    return lines + [_run(scale, method, seed) for seed in range(seeds) for method in TRAINED]


def _run(scale: Scale, method: str, seed: int) -> RunConfig:
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method=method,
        dataset=DATASET[scale],
        seed=seed,
        seconds=SECONDS[scale],
        evaluations=EVALUATIONS[scale],
    )


experiment = Experiment(
    item="first-light",
    asks="How precise is each method after equal seconds and after equal steps, and what do hash codes and tables do?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
)
