"""Sampled softmax with uniform negatives shared by the batch: the least a sampled method must beat."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, sampled_net, uniform_negatives
from bench.task import Task
from bench.tuning.space import CORRECTION, NEGATIVES
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.random import Correction


class SampledUniformConfig(SampledConfig):
    num_samples: int = Field(default=4096, ge=1)
    correction: Correction = "none"


class SampledUniform(Method[SampledUniformConfig]):
    """Uncorrected by default, as in the papers: the softmax runs over the active set only."""

    name = "sampled_uniform"
    reads = "SLIDE §4.2 (its sampled-softmax baseline); Jean et al. 2015"
    config = SampledUniformConfig
    space = NEGATIVES | CORRECTION

    def build(self, task: Task, config: SampledUniformConfig, streams: Streams) -> XMCNet:
        sampler = uniform_negatives(task, config.num_samples, streams, correction=config.correction)
        return sampled_net(task, sampler, streams)


method = SampledUniform()
