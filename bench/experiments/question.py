"""Does LSH pay? Hash tables against random negatives, with and without correction, and against harder rivals.

Runs count steps, so that they may be made on a busy machine, one beside another; what a step of each system costs is
measured by itself, all systems by turns (study `step_cost`), and the report puts the two together.
"""

from typing import Any

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

IDS = {"4k": 4096, "9k": 9216, "16k": 16384}
CORRECTIONS = {"": "importance", "_uncorrected": "none"}
DATASETS = ("wordnet", "debian-files-330k", "amazon-670k-twin")
STEPS = {"smoke": 40, "quick": 2000, "paper": 6000}
LONG = {"smoke": 40, "quick": 4000, "paper": 24000}  # of the systems that others are judged by
SECONDS_A_STEP = 0.03  # about, one thread

System = tuple[str, str, dict[str, Any]]  # method, variant, parameters


def systems() -> list[System]:
    """Ours, each way to draw at random with and without correction, then the rivals that choose, and the ceiling."""
    drawn = [
        (method, size + suffix, {"num_samples": count, "correction": correction})
        for method in ("sampled_frequency", "sampled_uniform")
        for size, count in IDS.items()
        for suffix, correction in CORRECTIONS.items()
    ]
    both: list[System] = [
        (method, suffix.removeprefix("_"), {"correction": correction})
        for method in ("mongoose", "pool_hardest")
        for suffix, correction in CORRECTIONS.items()
    ]
    return [*both, *drawn, ("in_batch", "", {}), ("oracle_topk", "", {})]


def is_long(system: System) -> bool:
    """Whether a system is trained until its curve flattens: ours, and what came nearest to it."""
    method, variant, _ = system
    return variant in ("", *IDS) and method in ("mongoose", "pool_hardest", "sampled_frequency")


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Set by set the costs, then seed by seed all systems."""
    datasets = ("tiny",) if scale == "smoke" else DATASETS
    return [
        config
        for dataset in datasets
        for config in (_costs(scale, dataset), *(_run(scale, dataset, s, x) for s in range(seeds) for x in systems()))
    ]


def _run(scale: Scale, dataset: str, seed: int, system: System) -> RunConfig:
    method, variant, params = system
    steps = (LONG if is_long(system) else STEPS)[scale]
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method=method,
        variant=variant,
        params=params,
        dataset=dataset,
        seed=seed,
        steps=steps,
        seconds=SECONDS_A_STEP * steps,
        evaluations=max(2, steps // 1500),
        threads=1,
    )


def _costs(scale: Scale, dataset: str) -> RunConfig:
    named = [["-".join(filter(None, system[:2])), system[0], system[2]] for system in systems()]
    turns = {"smoke": (5, 2, 2), "quick": (1000, 3, 20), "paper": (3000, 9, 40)}[scale]
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="step_cost",
        params={"systems": named} | dict(zip(("trained", "rounds", "steps"), turns, strict=True)),
        dataset=dataset,
        seed=0,
        seconds=300,
    )


experiment = Experiment(
    item="question",
    asks="Do hash tables choose better negatives than chance does, at equal steps and at equal seconds?",
    seeds={"smoke": 1, "quick": 1, "paper": 3},
    runs=runs,
    needs=DATASETS[1:],
)
