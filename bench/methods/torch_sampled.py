"""Sampled softmax as a torch user writes it: sparse embeddings and SparseAdam, no op of this library."""

import torch
from pydantic import Field

from bench.methods.base import Method, MethodConfig, Streams
from bench.task import Task
from bench.tuning.space import NEGATIVES, Choice
from mongoose.nn.sampled_embedding import Distribution, SampledEmbedding, TorchXMCNet


class TorchSampledConfig(MethodConfig):
    num_samples: int = Field(default=4096, ge=1)
    distribution: Distribution = "uniform"
    corrected: bool = False  # TensorFlow's sampled softmax corrects


class TorchSampled(Method[TorchSampledConfig]):
    """The sampled baseline that needs no library but torch."""

    name = "torch_sampled"
    reads = "torch.nn.Embedding(sparse=True), torch.optim.SparseAdam; Jean et al. 2015"
    config = TorchSampledConfig
    space = NEGATIVES | {
        "distribution": Choice("uniform", "log_uniform"),
        "corrected": Choice(False, True),
    }

    def build(self, task: Task, config: TorchSampledConfig, streams: Streams) -> TorchXMCNet:
        head = SampledEmbedding(
            task.hidden,
            counts=torch.from_numpy(task.label_counts),
            num_samples=config.num_samples,
            distribution=config.distribution,
            corrected=config.corrected,
            generator=streams("negatives"),
        )
        return TorchXMCNet(task.num_features, head, generator=streams("weights"))


method = TorchSampled()
