"""Naive LSH: random SimHash tables that are brought up to date after every step."""

from bench.methods.base import LSHConfig, Method, Streams, lsh_net, random_family
from bench.task import Task
from bench.tuning.space import LSH
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.always import Always


class NaiveLSH(Method[LSHConfig]):
    """Never stale, never learned."""

    name = "naive_lsh"
    reads = "MONGOOSE §3, the cost it sets out to avoid"
    config = LSHConfig
    space = LSH

    def build(self, task: Task, config: LSHConfig, streams: Streams) -> XMCNet:
        return lsh_net(task, config, random_family(task, config, streams), Always(), streams)


method = NaiveLSH()
