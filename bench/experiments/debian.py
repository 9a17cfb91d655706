"""Four methods on data sets that are built from Debian's archive: 35,000 labels, and 330,000 split in two ways."""

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

METHODS = ("dense", "sampled_uniform", "sampled_frequency", "mongoose")
DATASETS = ("debian-depends", "debian-files-330k", "debian-files-330k-by-package")
SECONDS = {"smoke": 1.0, "quick": 60.0, "paper": 300.0}
EVALUATIONS = {"smoke": 2, "quick": 6, "paper": 12}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed and set by set, every method in turn."""
    datasets = ("tiny",) if scale == "smoke" else DATASETS
    return [
        RunConfig(
            experiment=experiment.item,
            scale=scale,
            method=method,
            dataset=dataset,
            seed=seed,
            seconds=SECONDS[scale],
            evaluations=EVALUATIONS[scale],
        )
        for seed in range(seeds)
        for dataset in datasets
        for method in METHODS
    ]


experiment = Experiment(
    item="debian",
    asks="Do the answers on WordNet hold on other real data, and where no page is like one seen in training?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    needs=DATASETS,
)
