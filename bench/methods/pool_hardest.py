"""Hard negatives without hashing: each sample's best of thousands of classes drawn at random."""

import torch
from pydantic import Field

from bench.methods.base import Method, RetrievedConfig, Streams, frequency_negatives, sampled_net
from bench.task import Task
from bench.tuning.space import RETRIEVED, Choice, LogUniform
from mongoose.inclusion import Assumed
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.pool import PoolSampler
from mongoose.sampling.random import RandomSampler, power_of_frequency


class PoolHardestConfig(RetrievedConfig):
    pool: int = Field(default=16384, ge=1)  # classes drawn, with repeats, and scored a batch
    retrieve_every: int = Field(default=1, ge=1)  # steps, one of which scores a pool
    retrieved_probability: float | None = Field(default=0.02, gt=0, le=1)  # None: that of being drawn into the pool


class PoolHardest(Method[PoolHardestConfig]):
    """The LSH methods' active sets, the hard ones found by scoring a random pool: no tables, nothing to update."""

    name = "pool_hardest"
    reads = "our own rival of LSH; semi-hard sampling as in Wu et al. 2017"
    config = PoolHardestConfig
    space = RETRIEVED | {"pool": Choice(4096, 8192, 16384), "retrieved_probability": LogUniform(0.003, 1.0)}

    def build(self, task: Task, config: PoolHardestConfig, streams: Streams) -> XMCNet:
        random = frequency_negatives(
            task, config.num_random, streams, exponent=config.exponent, correction=config.correction
        )
        probability = power_of_frequency(torch.from_numpy(task.label_counts), config.exponent)
        pool = RandomSampler(probability, config.pool, generator=streams("pool"))
        drawn = -torch.expm1(config.pool * torch.log1p(-probability.clamp_max(1 - 1e-9)))
        law = Assumed(config.retrieved_probability or drawn)
        sampler = PoolSampler(pool, keep=config.keep, random=random, law=law, every=config.retrieve_every)
        return sampled_net(task, sampler, streams)


method = PoolHardest()
