"""Exact evaluation: top classes by the full product, then the metrics."""

import torch

from bench.metrics import KS, scores
from bench.task import Points, Task
from datasets.base import Part
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import XMCNet

BLOCK = 512  # points a product; 512 × 113,595 scores are 222 MiB
LOSS_POINTS = 512


def evaluate(net: XMCNet, part: Part, task: Task) -> dict[str, float]:
    """Metrics of `bench.metrics.scores` over all points of a part; none if it has no points."""
    if not part.points:
        return {}
    points = Points(part)
    blocks = torch.arange(len(points)).split(BLOCK)
    top = torch.cat([net.topk(points.batch(ids)[0], max(KS)) for ids in blocks])
    return scores(top.numpy(), part.labels, task.inverse_propensity)


def full_loss(net: XMCNet, points: Part) -> float:
    """Exact cross-entropy over all classes, mean over at most LOSS_POINTS points; NaN where the layer has none."""
    rows, labels = Points(points).batch(torch.arange(min(points.points, LOSS_POINTS)))
    with torch.no_grad():
        return net.head.full_loss(net.hidden(rows), labels)


def recall_at_10(net: XMCNet) -> float:
    """Share of the last batch's exact top-10 inner products that its active sets held; NaN for a dense layer."""
    head = net.head
    if not isinstance(head, SampledLinear) or head.active is None or head.queries is None:
        return float("nan")
    top = head.topk(head.queries, min(10, head.out_features))
    samples = torch.arange(len(top)).unsqueeze(1).expand_as(top)
    return float(head.active.holds(samples, top).float().mean())


def active_size(net: XMCNet) -> float:
    """Classes computed a sample in the last batch; all of them for a dense layer."""
    return net.head.active_size
