"""Sampled softmax with negatives drawn from frequency^0.75 and importance-corrected logits: the strong rival of LSH."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, frequency_negatives, sampled_net
from bench.task import Task
from bench.tuning.space import CORRECTION, NEGATIVES, Uniform
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.random import Correction


class SampledFrequencyConfig(SampledConfig):
    num_samples: int = Field(default=4096, ge=1)
    exponent: float = Field(default=0.75, ge=0)
    correction: Correction = "importance"


class SampledFrequency(Method[SampledFrequencyConfig]):
    """Hash-free: what LSH has to beat at equal seconds."""

    name = "sampled_frequency"
    reads = "Mikolov et al. 2013 (exponent); Bengio & Senécal 2008 (correction)"
    config = SampledFrequencyConfig
    space = NEGATIVES | CORRECTION | {"exponent": Uniform(0.0, 1.0)}

    def build(self, task: Task, config: SampledFrequencyConfig, streams: Streams) -> XMCNet:
        sampler = frequency_negatives(
            task, config.num_samples, streams, exponent=config.exponent, correction=config.correction
        )
        return sampled_net(task, sampler, streams)


method = SampledFrequency()
