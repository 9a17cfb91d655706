"""Full softmax with bfloat16 products under torch.autocast: dense training on processors with AMX or AVX512-BF16."""

from bench.methods.base import Method, MethodConfig, Streams
from bench.task import Task
from mongoose.nn.dense_bf16 import Bf16SoftmaxLinear
from mongoose.nn.xmc import XMCNet


class DenseBf16(Method[MethodConfig]):
    """The dense baseline in mixed precision; fused Adam on float32 weights."""

    name = "dense_bf16"
    reads = "torch.autocast; Micikevicius et al. 2018 (mixed precision)"
    config = MethodConfig

    def build(self, task: Task, config: MethodConfig, streams: Streams) -> XMCNet:
        head = Bf16SoftmaxLinear(task.hidden, task.num_labels)
        return XMCNet(task.num_features, head, generator=streams("weights"))


method = DenseBf16()
