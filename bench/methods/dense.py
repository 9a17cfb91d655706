"""Full softmax over all labels, fused Adam: the baseline whose cost the papers set out to avoid."""

from bench.methods.base import Method, MethodConfig, Streams
from bench.task import Task
from mongoose.nn.linear import FullSoftmaxLinear
from mongoose.nn.xmc import XMCNet


class Dense(Method[MethodConfig]):
    """Exact gradients; every row of the output layer changes at every step."""

    name = "dense"
    reads = "SLIDE §4.1, the full softmax baseline"
    config = MethodConfig

    def build(self, task: Task, config: MethodConfig, streams: Streams) -> XMCNet:
        head = FullSoftmaxLinear(task.hidden, task.num_labels)
        return XMCNet(task.num_features, head, generator=streams("weights"))


method = Dense()
