"""Naive LSH: random SimHash tables that are brought up to date after every step."""

from bench.methods.base import LSHConfig, Method, Streams, lsh_net
from bench.task import Task
from mongoose.hashing.simhash import SimHash
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.always import Always


class NaiveLSH(Method[LSHConfig]):
    """Never stale, never learned."""

    name = "naive_lsh"
    reads = "MONGOOSE §3, the cost it sets out to avoid"
    config = LSHConfig

    def build(self, task: Task, config: LSHConfig, streams: Streams) -> XMCNet:
        family = SimHash(task.hidden, num_bits=config.num_bits, num_tables=config.num_tables, generator=streams("hash"))
        return lsh_net(task, config, family, Always(), streams)


method = NaiveLSH()
