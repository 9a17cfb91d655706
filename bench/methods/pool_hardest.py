"""Hard negatives without hashing: of thousands of classes drawn at random, each sample's best."""

from functools import partial

from pydantic import Field

from bench.methods.base import Method, RetrievedConfig, Streams, frequency_negatives, sampled_net
from bench.task import Task
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.pool import PoolSampler


class PoolHardestConfig(RetrievedConfig):
    pool: int = Field(default=16384, ge=1)  # classes drawn, with repeats, and scored a batch


class PoolHardest(Method[PoolHardestConfig]):
    """The LSH methods' active sets, the hard ones found by scoring a random pool: no tables, nothing to update."""

    name = "pool_hardest"
    reads = "our own rival of LSH; semi-hard sampling as in Wu et al. 2017"
    config = PoolHardestConfig

    def build(self, task: Task, config: PoolHardestConfig, streams: Streams) -> XMCNet:
        draws = partial(frequency_negatives, task, exponent=config.exponent, corrected=config.corrected)
        random = draws(config.num_random, streams)
        pool = draws(config.num_random + config.pool, lambda purpose: streams(f"pool/{purpose}"))
        return sampled_net(task, PoolSampler(pool, keep=config.keep, random=random), streams)


method = PoolHardest()
