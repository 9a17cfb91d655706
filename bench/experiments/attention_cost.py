"""Time and memory of a training step of attention against the length of the sequence."""

from bench.attention_systems import cost_run
from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

LENGTHS = {
    "smoke": (256, 512, 1024),
    "quick": (512, 1024, 2048, 4096, 8192),
    "paper": (512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536),
}
TURNS = {"smoke": 2, "quick": 5, "paper": 9}
LONG = {16_384: 7, 32_768: 7, 65_536: 3}  # turns at most: there exact attention takes seconds, then minutes
POSITIONS = {"smoke": 1024, "quick": 8192, "paper": 32_768}  # about so many a turn: short steps are timed several times
SECONDS_A_PAIR = 1.5e-7  # a turn of all systems, by the square of the length


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every length in a process of its own, the longest last."""
    return [_run(scale, seed, length) for seed in range(seeds) for length in LENGTHS[scale]]


def _run(scale: Scale, seed: int, length: int) -> RunConfig:
    turns, steps = min(TURNS[scale], LONG.get(length, TURNS[scale])), max(1, POSITIONS[scale] // length)
    seconds = 10 + SECONDS_A_PAIR * length**2 * turns
    return cost_run(experiment.item, scale, seed, length, turns=turns, steps=steps, seconds=seconds)


experiment = Experiment(
    item="attention-cost",
    asks="From which length on is LSH attention faster than exact attention, by how much, and in how much memory?",
    seeds={"smoke": 1, "quick": 1, "paper": 1},
    runs=runs,
    only_named=True,
)
