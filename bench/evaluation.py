"""Exact evaluation: top classes by the full product, then the metrics."""

import torch
from torch import Tensor

from bench.metrics import KS, scores
from bench.task import Points, Task
from datasets.base import Part
from mongoose.candidates import Candidates
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import XMCNet

BLOCK = 512  # points a product; 512 × 113,595 scores are 222 MiB


def evaluate(net: XMCNet, part: Part, task: Task) -> dict[str, float]:
    """Metrics of `bench.metrics.scores` over all points of a part."""
    points = Points(part)
    blocks = torch.arange(len(points)).split(BLOCK)
    top = torch.cat([net.topk(points.batch(ids)[0], max(KS)) for ids in blocks])
    return scores(top.numpy(), part.labels, task.inverse_propensity)


def recall_at_10(net: XMCNet) -> float:
    """Share of the last batch's exact top-10 inner products that its active sets held; NaN for a dense layer."""
    head = net.head
    if not isinstance(head, SampledLinear) or head.active is None or head.queries is None:
        return float("nan")
    top = head.topk(head.queries, min(10, head.out_features))
    samples = torch.arange(len(top)).unsqueeze(1).expand_as(top)
    return float(head.active.holds(samples, top).float().mean())


def share_of(found: Candidates, top: Tensor) -> float:
    """Share of the ids of `top` ([B, k], a row a sample) that were found for their sample."""
    return float(found.contains(torch.arange(len(top)).unsqueeze(1), top).float().mean())


def active_size(net: XMCNet) -> float:
    """Classes computed a sample in the last batch; all of them for a dense layer."""
    return net.head.active_size
