"""Full softmax in mixed precision, as torch offers it."""

import torch
from torch import Tensor

from mongoose.candidates import Candidates
from mongoose.nn.linear import SoftmaxLinear
from mongoose.ops.softmax import softmax_cross_entropy


class Bf16SoftmaxLinear(SoftmaxLinear):
    """Softmax over all N classes, its products in bfloat16 under torch.autocast; weights and their gradients float32.

    The loss is taken in float32: a bfloat16 log-sum-exp over 670,091 classes has two or three significant digits.
    `topk` stays in float32.
    """

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            logits: Tensor = self(x)
        return softmax_cross_entropy(logits.float(), labels)
