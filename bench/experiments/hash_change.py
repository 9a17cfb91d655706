"""How fast hash codes change: by learning rate, and by the number of steps an epoch has."""

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

RATES = (1e-4, 3e-4, 1e-3, 3e-3)
BATCHES = (64, 256, 1024)
EPOCHS = {"smoke": 1, "quick": 2, "paper": 8}
USUAL_RATE, USUAL_BATCH = 1e-3, 256
POINTS = {"tiny": 600, "wordnet": 82_990}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Random negatives on WordNet: every rate at the usual batch, and every batch at the usual rate."""
    dataset = "tiny" if scale == "smoke" else "wordnet"
    grid = [(rate, USUAL_BATCH) for rate in RATES] + [
        (USUAL_RATE, batch) for batch in BATCHES if batch != USUAL_BATCH and batch <= POINTS[dataset]
    ]
    return [_run(scale, dataset, seed, rate, batch) for seed in range(seeds) for rate, batch in grid]


def _run(scale: Scale, dataset: str, seed: int, rate: float, batch: int) -> RunConfig:
    steps = EPOCHS[scale] * POINTS[dataset] // batch + 2
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="sampled_frequency",
        variant=f"lr{rate:g}_b{batch}",
        params={"lr": rate},
        dataset=dataset,
        seed=seed,
        steps=steps,
        seconds=0.03 * steps,
        batch_size=batch,
        evaluations=4,
        threads=1,
    )


experiment = Experiment(
    item="hash-change",
    asks="What share of the hash codes changes in a step and in an epoch, by learning rate and by steps an epoch?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    only_named=True,
)
