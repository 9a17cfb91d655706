"""What a training step of one attention costs, in time and memory: exact, local and hashed, by turns in one process.

On the clock is everything between queries and gradients: hashing and sorting too, projections not. All systems take
their turns on the same numbers, so that whatever the machine does meanwhile, it does to all.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log2
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from bench.config import RunConfig
from bench.seeds import stream
from bench.speed.place import Place, place
from bench.studies.base import Rows, Study
from mongoose.hashing.learned_rotations import LearnedRotations
from mongoose.nn.attention import LocalAttention, SharedQKAttention
from mongoose.nn.attention_mining import ExactAttentionMining
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.scheduling.always import Always

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Sizes:
    """heads: H. dim: E of each. length: T. chunk: m. seed: of all that is drawn."""

    heads: int
    dim: int
    length: int
    chunk: int
    seed: int

    def layer(self) -> dict[str, Any]:
        """What layers of attention are made with."""
        return {"dim": self.heads * self.dim, "heads": self.heads, "chunk": self.chunk, "generator": self.source("w")}

    def source(self, purpose: str) -> torch.Generator:
        """One stream a purpose."""
        return stream(self.seed, f"attention cost: {purpose}")


def measures(config: RunConfig) -> Rows:
    """A row a system and round.

    Params: heads, dim, length, chunk: H, E, T, m. rounds: turns of each system. steps: of a turn.
    systems: [name, dtype, hashing rounds] each; names are `sdpa`, and those of FORMS.

    Columns: system (name and rounds), dtype, length, round. step_ms: median step, forward and backward. peak_mib: most
    memory that a step held above its inputs, which are queries, values (of `sdpa` keys too) and the gradient of the
    output. fit_ms: how much longer a step takes in which rotations learn; 0 where none do.
    """
    asked = config.params
    sizes = Sizes(asked["heads"], asked["dim"], asked["length"], asked["chunk"], config.seed)
    here = place("cuda" if config.backend == "cuda" else "cpu")
    systems = [start(here, sizes, *system) for system in asked["systems"]]
    for round_ in range(asked["rounds"]):
        first = round_ % len(systems)
        for system in [*systems[first:], *systems[:first]]:
            yield {**system.named(), "length": sizes.length, "round": round_, **system.turn(asked["steps"])}


class AttentionSystem:
    """One attention on its inputs.

    Args:
        here: where they are.
        inputs: what is attended with, then the gradient of the output: [H, T, E] each, of `sdpa` [1, H, T, E].
        attend: all inputs but the last to the output.
        fit: makes rotations learn in the next step; None where nothing learns.
    """

    def __init__(
        self,
        here: Place,
        name: str,
        dtype: str,
        inputs: list[Tensor],
        attend: Callable[..., Tensor],
        fit: Callable[[], None] | None,
    ) -> None:
        self.here, self.name, self.dtype, self.attend, self.fit = here, name, dtype, attend, fit
        *self.inputs, self.upstream = inputs

    def named(self) -> dict[str, str]:
        """What tells its rows apart."""
        return {"system": self.name, "dtype": self.dtype}

    def step(self) -> float:
        """Milliseconds of a forward and a backward pass; nothing of them is left."""
        self.here.flush()
        clock = self.here.clock()
        leaves = [x.detach().requires_grad_() for x in self.inputs]
        with clock.phase("step"):
            self.attend(*leaves).backward(self.upstream)
        return 1000 * clock.seconds("step")

    def turn(self, steps: int) -> dict[str, float]:
        """One step for its memory, which warms up too, then those for the clock."""
        peak_mib = self.peak_mib()
        step_ms = median(self.step() for _ in range(steps))
        return {"step_ms": step_ms, "peak_mib": peak_mib, "fit_ms": self._fit_ms(step_ms)}

    def peak_mib(self) -> float:
        """Of one step, above what is resident before; what others have freed is given back first. NaN if not told."""
        gc.collect()
        self.here.trim()
        before = self.here.resident_mib()
        told = self.here.reset_peak()
        self.step()
        return self.here.peak_mib() - before if told else float("nan")

    def _fit_ms(self, step_ms: float) -> float:
        if self.fit is None:
            return 0.0
        self.fit()
        return max(0.0, self.step() - step_ms)


def start(here: Place, sizes: Sizes, name: str, dtype: str, rounds: int) -> AttentionSystem:
    """A system by its name, with numbers of its own to attend to."""
    shape, source, there = (sizes.heads, sizes.length, sizes.dim), sizes.source("inputs"), (here.device, DTYPES[dtype])
    inputs = [torch.randn(shape, generator=source).to(*there) for _ in range(4 if name == "sdpa" else 3)]
    if name == "sdpa":
        return AttentionSystem(here, name, dtype, [x.unsqueeze(0) for x in inputs], _exact, None)
    layer = FORMS[name](sizes, rounds).to(*there)
    fit = partial(layer.refresh, 1) if isinstance(layer, MongooseAttention) else None
    system = AttentionSystem(here, f"{name}_{rounds}" if rounds else name, dtype, inputs, partial(_attend, layer), fit)
    system._fit_ms(0.0)  # the first fit is longer than the later ones
    return system


def _exact(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    attended: Tensor = scaled_dot_product_attention(q, k, v, is_causal=True)
    return attended


def _attend(layer: SharedQKAttention, qk: Tensor, v: Tensor) -> Tensor:
    """What the layer does between its projections."""
    layer.begin()
    out = layer.attend(qk, v, None)
    layer.end()
    return out


def _local(sizes: Sizes, rounds: int) -> SharedQKAttention:
    return LocalAttention(**sizes.layer())


def _lsh(sizes: Sizes, rounds: int) -> SharedQKAttention:
    return LSHAttention(rounds=rounds, hash_generator=sizes.source("hashes"), **sizes.layer())


def _mongoose(sizes: Sizes, rounds: int) -> SharedQKAttention:
    """Learned rotations; they learn in the step after `refresh`, whatever the weights do."""
    hashes = sizes.source("hashes")
    return MongooseAttention(
        policy=Always(),
        mining=ExactAttentionMining(generator=hashes),
        family=partial(LearnedRotations, lr=1e-2, steps=8),
        rounds=rounds,
        num_bits=max(1, round(log2(max(sizes.length / sizes.chunk, 1)))),  # as many buckets as `lsh` has
        hash_generator=hashes,
        **sizes.layer(),
    )


FORMS: dict[str, Callable[[Sizes, int], SharedQKAttention]] = {"local": _local, "lsh": _lsh, "mongoose": _mongoose}

study = Study(name="attention_cost", measures=measures)
