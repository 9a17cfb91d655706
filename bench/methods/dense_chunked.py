"""Full softmax in blocks of labels, each updated as soon as its gradient is known: dense in little memory."""

from typing import Literal

import torch
from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams
from bench.task import Task
from bench.tuning.space import LR, Choice
from mongoose.nn.chunked import ChunkedSoftmaxLinear
from mongoose.nn.xmc import XMCNet

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class DenseChunkedConfig(SampledConfig):
    block: int = Field(default=4096, ge=1)  # with 256 points 4 MiB of logits; 1,024 … 16,384 take the same time
    stored: Literal["float32", "bfloat16"] = "float32"  # the output rows and their moments; products are float32


class DenseChunked(Method[DenseChunkedConfig]):
    """The steps of `dense`, in the memory of weights and moments; no logits matrix, no gradient of the output layer."""

    name = "dense_chunked"
    reads = "Jain et al. 2023 (Renée); Zhang et al. 2025 (ELMO): chunks of labels, gradients fused with the update"
    config = DenseChunkedConfig
    space = LR | {"block": Choice(1024, 4096, 16384)}

    def build(self, task: Task, config: DenseChunkedConfig, streams: Streams) -> XMCNet:
        head = ChunkedSoftmaxLinear(
            task.hidden,
            task.num_labels,
            block=config.block,
            generator=streams("rounding"),
            dtype=DTYPES[config.stored],
        )
        return XMCNet(task.num_features, head, generator=streams("weights"))


method = DenseChunked()
