"""How the upkeep of hash tables grows with the number of rows, on random walks of the kind that Algorithm 1 assumes.

MONGOOSE §3.2 (after Cohen, Lee & Song 2019) assumes of the rows w_i after each step, given the past F, that
Σ_i ‖E[w_i' | F] − w_i‖² ≤ C1² and Σ_i Var[w_i' | F]² ≤ C2², and bounds the rows that Algorithm 1 moves a step by about
(C1 + C2)·√n, where a move costs the same for all. The walks here meet both with equality.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bench.config import RunConfig
from bench.seeds import stream
from bench.studies.base import Rows, Study
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import UpdatePolicy
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.touched import Touched
from mongoose.scheduling.two_copy import TwoCopy

POLICIES: dict[str, Callable[[], UpdatePolicy]] = {
    "always": Always,
    "touched": Touched,
    "two_copy": TwoCopy,
    "oracle": Oracle,
}
EPSILON = 0.1  # TwoCopy's


def measures(config: RunConfig) -> Rows:
    """A row a policy: what it costs a step on n rows.

    Params: n. c1, c2: of the assumption. policies: names. touched: rows that a step moves, null for all.
    As many steps are counted as a row takes to drift ε away, 30 at least, after as many that are not; of `always`, and
    of others whose cost is the same at every step, a few.
    """
    asked = config.params
    n, c1, c2 = asked["n"], asked["c1"], asked["c2"]
    away = max(30, round(EPSILON * n / (c1 * (asked["touched"] or n) ** 0.5)))
    for name in asked["policies"]:
        steps, warmup = (5, 0) if name in ("always", "touched") else (away, away)
        walk = stream(config.seed, f"walk of {n}")
        found = measure(n, POLICIES[name], steps, c1, c2, walk, warmup=warmup, touched=asked["touched"])
        yield {"policy": name, "c1": c1, "c2": c2, "touched": asked["touched"] or n} | found


@dataclass
class Walk:
    """n rows of length about 1, each with a direction in which it drifts, and noise.

    rows: [n, D]. directions: [n, D], of length 1. pace: [n], by how much more a row moves than others.
    """

    rows: Tensor
    directions: Tensor
    pace: Tensor
    c1: float
    c2: float
    generator: Generator

    @classmethod
    def start(cls, n: int, c1: float, c2: float, generator: Generator, *, dim: int, unequal: float) -> "Walk":
        """Paces fall as place^−unequal, places at random; 0: all alike. Under 1/2 no row outweighs the others."""
        rows, directions = (torch.randn(n, dim, generator=generator) / dim**0.5 for _ in range(2))
        place = torch.randperm(n, generator=generator) + 1
        return cls(rows, directions / directions.norm(dim=1, keepdim=True), place**-unequal, c1, c2, generator)

    def draw(self, count: int) -> Tensor:
        """[count] distinct rows, ascending, in proportion to their pace."""
        drawn: Tensor = torch.multinomial(self.pace, count, generator=self.generator).sort().values
        return drawn

    def advance(self, ids: Tensor | None) -> None:
        """One step of these rows (None: of all): a drift of C1·s_i and a variance of C2·s_i, s ∝ pace, Σ s_i² = 1."""
        at = slice(None) if ids is None else ids
        share = (self.pace[at] / self.pace[at].norm()).unsqueeze(1)
        noise = torch.randn(len(share), self.rows.shape[1], generator=self.generator)
        self.rows[at] += self.c1 * share * self.directions[at] + (self.c2 * share / noise.shape[1]).sqrt() * noise


def measure(
    n: int,
    policy_factory: Callable[[], UpdatePolicy],
    steps: int,
    c1: float,
    c2: float,
    generator: Generator,
    *,
    warmup: int = 0,
    touched: int | None = None,
    unequal: float = 0.3,
    dim: int = 16,
) -> dict[str, float]:
    """What a policy costs a step, the first build not counted, on a walk of n rows.

    A typical row is ε from its copy after about ε·√n / C1 steps: with fewer steps than that, little is seen of it.

    Args:
        policy_factory: makes a new policy. c1, c2: of the assumption. generator: the source of everything random.
        warmup: steps that are walked before any is counted. touched: rows that a step moves, as in row-sparse
            training, drawn anew each step, and which the policy is told; None: all rows move.
        unequal, dim: as in `Walk.start`.

    Returns:
        Means a step. rehashed: rows hashed again for the tables. moved: those whose code had changed. scanned: rows
        aside, which every query of that step scans. compared, ranked, probed: see `Cost`; probed is its rows_hashed.
        upkeep: rehashed + scanned, what the theorem is about. cost: upkeep + compared + probed.
        And n, steps.
    """
    walk = Walk.start(n, c1, c2, generator, dim=dim, unequal=unequal)
    family = SimHash(dim, num_bits=8, num_tables=2, generator=generator)
    index = LSHIndex(family, policy_factory(), centre=False)
    index.refresh(0, walk.rows, index.due(0, walk.rows))
    _walk(walk, index, range(1, warmup + 1), touched)
    before = _counts(index)
    scanned = _walk(walk, index, range(warmup + 1, warmup + steps + 1), touched)
    mean = {name: (count - before[name]) / steps for name, count in _counts(index).items()}
    mean["scanned"] = scanned / steps
    upkeep = mean["rehashed"] + mean["scanned"]
    return {"n": n, "steps": steps, **mean, "upkeep": upkeep, "cost": upkeep + mean["compared"] + mean["probed"]}


def _walk(walk: Walk, index: LSHIndex, steps: range, touched: int | None) -> int:
    """Walk these steps, the index following; returns the rows aside, summed over the steps."""
    scanned = 0
    for step in steps:
        ids = None if touched is None else walk.draw(touched)
        walk.advance(ids)
        if ids is not None and index.policy.wants_touched:
            index.policy.touched(ids)
        index.refresh(step, walk.rows, index.due(step, walk.rows))
        scanned += 0 if index.policy.aside is None else len(index.policy.aside)
    return scanned


def _counts(index: LSHIndex) -> dict[str, float]:
    done, cost = index.statistics, index.policy.cost
    return {
        "rehashed": done.rows_hashed,
        "moved": done.rows_moved,
        "compared": cost.rows_compared,
        "ranked": cost.rows_ranked,
        "probed": cost.rows_hashed,
    }


study = Study(name="growth", measures=measures)
