"""A language model of bytes under each attention: what hashing costs in bits a character, and what it saves."""

from dataclasses import dataclass

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

FORMS = (
    ("full", 1),
    ("local", 1),
    ("lsh", 1),
    ("lsh", 4),
    ("mongoose", 1),
    ("mongoose", 4),
    ("random", 4),
    ("topk", 1),
)
MODEL = {"positions_sd": 0.02, "lr": 2e-3}


@dataclass(frozen=True)
class Size:
    """The text; length of sequences, chunks of attention and width; steps, and seconds a run is expected to take."""

    dataset: str
    length: int
    chunk: int
    dim: int
    depth: int
    steps: int
    seconds: float


SIZES: dict[Scale, Size] = {
    "smoke": Size("tiny-text", 32, 4, 16, 1, 20, 2),
    "quick": Size("debwik8", 512, 32, 64, 2, 1_000, 150),
    "paper": Size("debwik8", 1024, 64, 128, 3, 5_000, 3_600),
}


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every form."""
    return [_run(scale, seed, attention, rounds) for seed in range(seeds) for attention, rounds in FORMS]


def _run(scale: Scale, seed: int, attention: str, rounds: int) -> RunConfig:
    size = SIZES[scale]
    shape = {"length": size.length, "chunk": size.chunk, "dim": size.dim, "depth": size.depth, "hidden": 4 * size.dim}
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="byte_lm",
        variant=attention if attention in ("full", "local") else f"{attention}_{rounds}",
        dataset=size.dataset,
        params={"model": {"attention": attention, "rounds": rounds} | shape | MODEL},
        seed=seed,
        steps=size.steps,
        seconds=size.seconds,
        batch_size=8,
        evaluations=2 if scale == "smoke" else 10,
        threads=1,
    )


experiment = Experiment(
    item="byte-lm",
    asks="How many bits a character does attention by hashing cost, after equal steps and after equal seconds?",
    seeds={"smoke": 1, "quick": 3, "paper": 3},
    runs=runs,
    needs=("debwik8", "tiny-text"),
    only_named=True,
)
