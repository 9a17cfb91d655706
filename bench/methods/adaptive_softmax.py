"""Adaptive softmax: torch's own answer to many classes."""

import torch
from pydantic import Field

from bench.methods.base import Method, MethodConfig, Streams
from bench.task import Task
from bench.tuning.space import LR, Choice
from mongoose.nn.adaptive import AdaptiveSoftmax, cutoffs
from mongoose.nn.xmc import XMCNet


class AdaptiveSoftmaxConfig(MethodConfig):
    # Fractions of the labels, by frequency. Not tuned; with a flat tail two clusters (0.01, 0.1) need twice the logits.
    cutoffs: tuple[float, ...] = (0.003, 0.03, 0.1, 0.3)
    div_value: float = Field(default=2.0, ge=1)  # torch's default, 4, leaves the fourth cluster of 128 no dimension


class AdaptiveSoftmaxMethod(Method[AdaptiveSoftmaxConfig]):
    """Frequent labels are scored in full, the rest in clusters; dense gradients, fused Adam."""

    name = "adaptive_softmax"
    reads = "Grave et al. 2017; torch.nn.AdaptiveLogSoftmaxWithLoss"
    config = AdaptiveSoftmaxConfig
    space = LR | {
        "cutoffs": Choice((0.003, 0.03, 0.1, 0.3), (0.01, 0.1), (0.03, 0.3), (0.1,)),
        "div_value": Choice(1.5, 2.0, 3.0),
    }

    def build(self, task: Task, config: AdaptiveSoftmaxConfig, streams: Streams) -> XMCNet:
        head = AdaptiveSoftmax(
            task.hidden,
            counts=torch.from_numpy(task.label_counts),
            cutoffs=cutoffs(task.num_labels, config.cutoffs),
            div_value=config.div_value,
        )
        return XMCNet(task.num_features, head, generator=streams("weights"))


method = AdaptiveSoftmaxMethod()
