"""The forms of attention whose costs are compared, and their sizes: the same on every machine."""

from bench.config import Backend, RunConfig, Scale

FORMS = [["sdpa", 0], ["local", 0], ["lsh", 4], ["lsh", 1], ["mongoose", 1]]  # name, rounds of hashing
SYSTEMS = [[name, dtype, rounds] for dtype in ("float32", "bfloat16") for name, rounds in FORMS]
SIZES = {"heads": 8, "dim": 64, "chunk": 64}


def cost_run(
    item: str, scale: Scale, seed: int, length: int, *, turns: int, steps: int, seconds: float, backend: Backend = "cpu"
) -> RunConfig:
    """What a step of each system costs at a length: so many turns, of so many steps each."""
    return RunConfig(
        experiment=item,
        scale=scale,
        method="attention_cost",
        variant=str(length),
        dataset="normal_queries",
        params=SIZES | {"length": length, "systems": SYSTEMS, "rounds": turns, "steps": steps},
        seed=seed,
        seconds=seconds,
        backend=backend,
    )
