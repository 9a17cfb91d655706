"""How the upkeep of hash tables grows with the number of rows: Algorithm 1 against updating always."""

from bench.config import RunConfig, Scale
from bench.experiments.base import Experiment

SIZES = {"smoke": (100, 300), "quick": (1_000, 10_000, 100_000), "paper": (1_000, 10_000, 100_000, 1_000_000)}
POLICIES = ("always", "two_copy", "oracle")
ASSUMED = {"c1": 0.1, "c2": 0.01}  # drift and noise carry rows ε away alike: √n·(C1/ε + C2/ε²) rows a step
LARGEST_SPARSE = 100_000
SPARSE = 1_000  # rows that a step of row-sparse training touches


def runs(scale: Scale, seeds: int) -> list[RunConfig]:
    """Seed by seed, every size, with all rows moving and with a fixed number of them."""
    return [
        _run(scale, seed, n, variant, touched)
        for seed in range(seeds)
        for n in SIZES[scale]
        for variant, touched in (("all", None), ("sparse", min(SPARSE, n)))
        if touched is None or n <= LARGEST_SPARSE  # a row drifts ε away in n/√touched steps
    ]


def _run(scale: Scale, seed: int, n: int, variant: str, touched: int | None) -> RunConfig:
    names = POLICIES if touched is None else (*POLICIES, "touched")
    return RunConfig(
        experiment=experiment.item,
        scale=scale,
        method="growth",
        variant=f"{variant}_{n}",
        dataset="random_walk",
        params={"n": n, "policies": list(names), "touched": touched} | ASSUMED,
        seed=seed,
        seconds=60 if n < 1_000_000 else 600,
    )


experiment = Experiment(
    item="scheduler-growth",
    asks="Does Algorithm 1 cost the square root of the number of rows, where updating always costs their number?",
    seeds={"smoke": 2, "quick": 3, "paper": 3},
    runs=runs,
    only_named=True,
)
