"""Longer sequences, or more steps? Language models of bytes by attention and length, after the same seconds."""

from dataclasses import dataclass

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

FORMS = (("full", 1), ("local", 1), ("lsh", 1), ("lsh", 4), ("mongoose", 1))
MODEL = {"positions_sd": 0.02, "lr": 2e-3}


@dataclass(frozen=True)
class Size:
    """The text; lengths of sequences, of which the longest is held out in one piece, and as many bytes are in a batch;
    chunks of attention, width and depth of the model; seconds of training.
    """

    dataset: str
    lengths: tuple[int, ...]
    chunk: int
    dim: int
    depth: int
    seconds: float


SIZES: dict[Scale, Size] = {
    "smoke": Size("tiny-text", (32, 64), 4, 16, 1, 0.5),
    "quick": Size("debwik8", (512, 2048, 8192), 64, 64, 2, 60),
    "paper": Size("debwik8", (512, 2048, 8192, 32_768), 64, 128, 3, 1_800),
}
PIECES = 8  # held out


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed and length by length, every form."""
    size = SIZES[scale]
    return [
        _run(scale, size, seed, length, *form) for seed in range(seeds) for length in size.lengths for form in FORMS
    ]


def _run(scale: Scale, size: Size, seed: int, length: int, attention: str, rounds: int) -> RunConfig:
    shape = {"length": length, "chunk": size.chunk, "dim": size.dim, "depth": size.depth, "hidden": 4 * size.dim}
    form, longest = attention if attention in ("full", "local") else f"{attention}_{rounds}", size.lengths[-1]
    held_out = {"sequences": PIECES, "piece": longest, "closely": False}
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="byte_lm",
        variant=f"{form}_of_{length}",
        dataset=size.dataset,
        params=held_out | {"model": {"attention": attention, "rounds": rounds} | shape | MODEL},
        seed=seed,
        seconds=size.seconds,
        batch_size=longest // length,
        evaluations=2 if scale == "smoke" else 10,
    )


experiment = Experiment(
    item="byte-lm-lengths",
    asks="With the same seconds and memory: does a longer text, attended to by hashing, say more about the next byte?",
    seeds={"smoke": 1, "quick": 3, "paper": 3},
    runs=runs,
    needs=("debwik8", "tiny-text"),
    only_named=True,
)
