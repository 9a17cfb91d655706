"""Sampled softmax with the labels of the batch as each other's negatives: what costs no draw."""

from bench.methods.base import Method, SampledConfig, Streams, in_batch_negatives, sampled_net
from bench.task import Task
from bench.tuning.space import CORRECTION, LR
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.random import Correction


class InBatchConfig(SampledConfig):
    correction: Correction = "logq"


class InBatch(Method[InBatchConfig]):
    """Labels without a training point are never in an active set, and keep the scores that they started with."""

    name = "in_batch"
    reads = "Yi et al. 2019"
    config = InBatchConfig
    space = LR | CORRECTION

    def build(self, task: Task, config: InBatchConfig, streams: Streams) -> XMCNet:
        return sampled_net(task, in_batch_negatives(task, correction=config.correction), streams)


method = InBatch()
