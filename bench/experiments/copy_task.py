"""The duplication task: does attention by hashing learn to copy, with how many rounds, and judged with how many?"""

from dataclasses import dataclass

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

FORMS = (
    ("full", 1),
    ("local", 1),
    ("lsh", 1),
    ("lsh", 2),
    ("lsh", 4),
    ("mongoose", 1),
    ("random", 1),  # whether hashing matters
    ("random", 4),
    ("topk", 1),
)


MODEL = {"lr": 0.01, "heads": 4}


@dataclass(frozen=True)
class Size:
    """Length of sequences, chunks of attention, steps, and seconds a run is expected to take; 16 chunks a sequence."""

    length: int
    chunk: int
    steps: int
    seconds: float


SIZES: dict[Scale, Size] = {
    "smoke": Size(32, 4, 20, 2),
    "quick": Size(256, 16, 3_000, 90),
    "paper": Size(1024, 64, 10_000, 1_800),  # MONGOOSE's length and bucket
}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every form."""
    return [_run(scale, seed, attention, rounds) for seed in range(seeds) for attention, rounds in FORMS]


def _run(scale: Scale, seed: int, attention: str, rounds: int) -> RunConfig:
    size = SIZES[scale]
    model = {"attention": attention, "rounds": rounds, "chunk": size.chunk} | MODEL
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="copying",
        variant=attention if attention in ("full", "local") else f"{attention}_{rounds}",
        dataset="copy",
        params={"length": size.length, "model": model},
        seed=seed,
        steps=size.steps,
        seconds=size.seconds,
        batch_size=16,  # MONGOOSE's driver
        evaluations=2 if scale == "smoke" else 10,
        threads=1,
    )


experiment = Experiment(
    item="copy-task",
    asks="Which forms of attention learn to copy, and how well with other rounds of hashing than they learned with?",
    seeds={"smoke": 1, "quick": 3, "paper": 3},
    runs=runs,
    only_named=True,
)
