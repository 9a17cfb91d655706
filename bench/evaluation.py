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
    if not points.points:
        return float("nan")
    rows, labels = Points(points).batch(torch.arange(min(points.points, LOSS_POINTS)))
    with torch.no_grad():
        return net.head.full_loss(net.hidden(rows), labels)


def recalls(net: XMCNet) -> dict[str, float]:
    """Shares of the last batch's exact top-10 inner products, by field of `Trace`; none for a dense layer.

    Held by its active sets; retrieved for each query; found by its codes in the tables, as they are and as they would
    be if they were built now.
    """
    head = net.head
    if not isinstance(head, SampledLinear) or head.active is None or head.queries is None:
        return {}
    top = head.topk(head.queries, min(10, head.out_features))
    samples = torch.arange(len(top)).unsqueeze(1).expand_as(top)
    held, retrieved = head.active.holds(samples, top), head.sampler.retrieved
    found = {"recall_at_10": float(held.float().mean())}
    if retrieved is not None:
        found["retrieved_at_10"] = _share(retrieved, top)
    if head.sampler.index is not None and head.sampler.index.tables.built:
        weight, bias = head.weight.detach(), head.bias.detach()
        aside = head.sampler.index.policy.aside
        found["rows_aside"] = 0.0 if aside is None else float(len(aside))
        found["candidate_recall"] = _share(head.sampler.index.query(head.queries), top)
        found["fresh_recall"] = _share(head.sampler.index.rebuilt(weight, bias).query(head.queries), top)
    return found


def _share(found: Candidates, top: Tensor) -> float:
    samples = torch.arange(len(top)).unsqueeze(1).expand_as(top)
    return float(found.contains(samples, top).float().mean())


def share_of(found: Candidates, top: Tensor) -> float:
    """Share of the ids of `top` ([B, k], a row a sample) that were found for their sample."""
    return float(found.contains(torch.arange(len(top)).unsqueeze(1), top).float().mean())


def active_size(net: XMCNet) -> float:
    """Classes computed a sample in the last batch; all of them for a dense layer."""
    return net.head.active_size
