"""Sampled softmax as TensorFlow has it: log-uniform negatives over frequency ranks, all logits corrected."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, log_uniform_negatives, sampled_net
from bench.task import Task
from bench.tuning.space import CORRECTION, NEGATIVES
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.random import Correction


class SampledLogUniformConfig(SampledConfig):
    num_samples: int = Field(default=4096, ge=1)
    correction: Correction = "logq"


class SampledLogUniform(Method[SampledLogUniformConfig]):
    """The head of the labels is nearly always in, the tail rarely: steeper than frequency^0.75."""

    name = "sampled_log_uniform"
    reads = "TensorFlow's log_uniform_candidate_sampler and sampled_softmax_loss; Jean et al. 2015"
    config = SampledLogUniformConfig
    space = NEGATIVES | CORRECTION

    def build(self, task: Task, config: SampledLogUniformConfig, streams: Streams) -> XMCNet:
        sampler = log_uniform_negatives(task, config.num_samples, streams, correction=config.correction)
        return sampled_net(task, sampler, streams)


method = SampledLogUniform()
