"""Naive LSH under any update policy: what the policy alone does to accuracy and to cost."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from bench.methods.base import LSHConfig, Method, Streams, hashed_dim, lsh_net, random_family
from bench.task import Task
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import UpdatePolicy
from mongoose.scheduling.drift import Drift
from mongoose.scheduling.every import Every
from mongoose.scheduling.exponential import Exponential
from mongoose.scheduling.margin import Margin
from mongoose.scheduling.never import Never
from mongoose.scheduling.oracle import Oracle
from mongoose.scheduling.touched import Touched
from mongoose.scheduling.two_copy import TwoCopy

PolicyName = Literal[
    "always",
    "never",
    "every",
    "exponential",
    "drift",
    "drift_released_slide",
    "drift_released_reformer",
    "touched",
    "two_copy",
    "margin",
    "oracle",
]


class LSHPolicyConfig(LSHConfig):
    """The policy and, each used by the policies that have it, its settings."""

    policy: PolicyName = "two_copy"
    interval: int = Field(default=50, ge=1)  # every: released SLIDE's Rehash, 50 batches of 128
    first_update: float = Field(default=50, ge=1)  # exponential: SLIDE §3.1.3, N0 = 50
    growth: float = Field(default=0.1, ge=0)  # exponential: λ is not given
    threshold: float = Field(default=0.02, ge=0, le=1)  # drift: as in `mongoose`
    ask_every: int = Field(default=10, ge=1)  # drift
    epsilon: float = Field(default=0.1, gt=0)  # two_copy: over the mean norm of the rows; the paper's is not known
    exponent: float = Field(default=0.5, ge=0, le=1)  # two_copy: a; n^a rows aside cost a query what a bucket or two do
    share: float = Field(default=0.01, ge=0, lt=1)  # margin: of the rows; 0 re-hashes nearly all that were touched
    full_every: int | None = Field(default=200, ge=1)  # touched, two_copy, margin, oracle: steps between new centres


class LSHPolicy(Method[LSHPolicyConfig]):
    """As `naive_lsh` in everything but the policy."""

    name = "lsh_policy"
    reads = "MONGOOSE §3.2 and Algorithm 1, and what it is compared with"
    config = LSHPolicyConfig

    def build(self, task: Task, config: LSHPolicyConfig, streams: Streams) -> XMCNet:
        policy = policies(task, config, streams)[config.policy]()
        return lsh_net(task, config, random_family(task, config, streams), policy, streams)


def policies(task: Task, config: LSHPolicyConfig, streams: Streams) -> dict[PolicyName, Callable[[], UpdatePolicy]]:
    """How each policy is made."""
    dim, full_every = hashed_dim(task, config), config.full_every
    return {
        "always": Always,
        "never": Never,
        "every": lambda: Every(config.interval),
        "exponential": lambda: Exponential(config.first_update, config.growth),
        "drift": lambda: Drift(config.threshold, dim=dim, interval=config.ask_every, generator=streams("probe")),
        "drift_released_slide": lambda: Drift.released_slide(
            dim=dim, num_tables=config.num_tables, generator=streams("probe")
        ),
        "drift_released_reformer": lambda: Drift.released_reformer(dim=dim, generator=streams("probe")),
        "touched": lambda: Touched(full_every=full_every),
        "two_copy": lambda: TwoCopy(config.epsilon, exponent=config.exponent, full_every=full_every),
        "margin": lambda: Margin(config.share, full_every=full_every),
        "oracle": lambda: Oracle(full_every=full_every),
    }


method = LSHPolicy()
