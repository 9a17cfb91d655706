"""Time and memory of a training step of attention against the length of the sequence, on an NVIDIA GPU."""

from bench.attention_systems import cost_run
from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

LENGTHS = {
    "smoke": (256, 1024),
    "quick": (1024, 4096, 16_384),
    "paper": (1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072),
}
TURNS = {"smoke": 2, "quick": 3, "paper": 5}
LONG = 65_536  # from here on a turn is one step: exact attention in float32 takes a second
STEPS = 5  # a turn, of shorter sequences
SECONDS = 30  # a run takes about so long: a GPU is started, kernels are loaded, and nine systems take their turns


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every length in a process of its own, the longest last."""
    common = {"turns": TURNS[scale], "seconds": SECONDS}
    return [
        cost_run(experiment.item, scale, seed, length, steps=1 if length >= LONG else STEPS, backend="cuda", **common)
        for seed in range(seeds)
        for length in LENGTHS[scale]
    ]


experiment = Experiment(
    item="attention-cost-gpu",
    asks="The same on a GPU, where exact attention has matrix units: is LSH attention faster, from which length on?",
    seeds={"smoke": 1, "quick": 1, "paper": 1},
    runs=runs,
    only_named=True,
    on_gpu=True,
)
