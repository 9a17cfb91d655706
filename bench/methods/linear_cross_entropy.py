"""Full softmax by torch's linear_cross_entropy: dense training whose logits are never all in memory."""

from pydantic import Field

from bench.methods.base import Method, MethodConfig, Streams
from bench.task import Task
from bench.tuning.space import LR, Choice
from mongoose.nn.linear_cross_entropy import LinearCrossEntropy
from mongoose.nn.xmc import XMCNet


class LinearCrossEntropyConfig(MethodConfig):
    chunk: int | None = Field(default=64, ge=1)  # torch's own choice at 100,000 labels is 1, and 16 times slower


class LinearCrossEntropyMethod(Method[LinearCrossEntropyConfig]):
    """The dense baseline with less memory; label sets are handled exactly, see the layer."""

    name = "linear_cross_entropy"
    reads = "torch.nn.functional.linear_cross_entropy (torch 2.13)"
    config = LinearCrossEntropyConfig
    space = LR | {"chunk": Choice(32, 64, 128)}

    def build(self, task: Task, config: LinearCrossEntropyConfig, streams: Streams) -> XMCNet:
        head = LinearCrossEntropy(task.hidden, task.num_labels, chunk=config.chunk)
        return XMCNet(task.num_features, head, generator=streams("weights"))


method = LinearCrossEntropyMethod()
