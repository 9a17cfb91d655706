"""Precision against seconds and against memory, for every method, each with the settings that won its search."""

from bench import methods
from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment
from bench.tuning.winners import known

DATASET = {"smoke": "tiny", "quick": "wordnet", "paper": "wordnet"}
SECONDS = {"smoke": 0.5, "quick": 20.0, "paper": 60.0}
EVALUATIONS = {"smoke": 2, "quick": 6, "paper": 10}
TEST_POINTS = 16_384
ELSEWHERE = ("lsh_policy",)  # naive LSH under other policies: an experiment of its own


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every method in turn: whatever the machine does meanwhile, it does to all."""
    dataset = DATASET[scale]
    won = known(dataset)
    return [
        RunConfig(
            experiment=experiment.item,
            scale=scale,
            method=method,
            params=won.get(method, {}),
            dataset=dataset,
            seed=seed,
            seconds=SECONDS[scale],
            evaluations=EVALUATIONS[scale],
            final_points=TEST_POINTS,
        )
        for seed in range(seeds)
        for method in sorted(set(methods.found()) - set(ELSEWHERE))
    ]


experiment = Experiment(
    item="fronts",
    asks="Which methods are most precise for their seconds, and which for their memory?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    only_named=True,
)
