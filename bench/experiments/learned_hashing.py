"""What learned hash functions find that random ones do not, at equal candidates and at equal time."""

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

DATASETS = ("wordnet", "debian-files-330k")
MARKS = {"smoke": (20,), "quick": (500, 2000), "paper": (500, 2000, 8000)}  # training steps


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every set."""
    datasets = ("tiny",) if scale == "smoke" else DATASETS
    return [
        RunConfig(
            experiment=experiment.item,
            scale=scale,
            method="hashing",
            params={"marks": list(MARKS[scale])},
            dataset=dataset,
            seed=seed,
            seconds=600,
        )
        for seed in range(seeds)
        for dataset in datasets
    ]


experiment = Experiment(
    item="learned-hashing",
    asks="Do learned hash functions find more of the largest scores than random ones, for what they cost?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    needs=DATASETS[1:],
)
