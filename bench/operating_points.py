"""Curves of recall against what it costs, read where a budget is just not exceeded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor

from mongoose.candidates import Candidates

Axis = Literal["candidates", "microseconds"]
Reading = dict[str, float]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Answers:
    """The rows of B queries' exact largest scores, and those of the first ten that count as rare.

    top: [B, 100] ids, or as many as there are rows; best first. common: ids of the rows that are not rare.
    """

    top: Tensor
    common: Tensor

    def marked(self, found: Candidates, microseconds: float) -> "Point":
        """What candidates hold of the answers. microseconds: what they cost, a query."""
        hit = found.contains(torch.arange(len(self.top)).unsqueeze(1), self.top)
        ten, rare = hit[:, :10], ~torch.isin(self.top[:, :10], self.common)
        return Point(
            found.counts.float(),
            microseconds,
            {
                "recall_at_10": (ten.float(), torch.ones_like(ten).float()),
                "recall_at_100": (hit.float(), torch.ones_like(hit).float()),
                "recall_at_10_rare": ((ten & rare).float(), rare.float()),
            },
        )


@dataclass(frozen=True)
class Point:
    """One way to ask B queries: [B] candidates of each, microseconds a query; hits and possible ones, each [B, …]."""

    counts: Tensor
    microseconds: float
    hits: Mapping[str, tuple[Tensor, Tensor]]

    def read(self, queries: slice) -> Reading:
        """Means over some of the queries; a recall of nothing is NaN."""
        recalls = {
            name: float(hit[queries].sum() / possible[queries].sum()) for name, (hit, possible) in self.hits.items()
        }
        return {"candidates": float(self.counts[queries].mean()), "microseconds": self.microseconds} | recalls


def within(curve: Sequence[Reading], axis: Axis, budget: float) -> Reading | None:
    """The reading of a curve at a budget, on the line between its neighbours.

    The dearest reading, if all are cheaper; None, if all are dearer.
    """
    ordered = sorted(curve, key=lambda reading: reading[axis])
    affordable = [reading for reading in ordered if reading[axis] <= budget]
    if not affordable or len(affordable) == len(ordered):
        return affordable[-1] if affordable else None
    low, high = affordable[-1], ordered[len(affordable)]
    share = (budget - low[axis]) / (high[axis] - low[axis])
    return {name: low[name] + share * (high[name] - low[name]) for name in low}


def best_within(
    curves: Mapping[Key, Sequence[Point]], axis: Axis, budget: float
) -> tuple[Key, Reading] | tuple[None, None]:
    """The curve of the best recall@10 at a budget, chosen on the first half of the queries and read on the second."""
    middle = len(next(iter(curves.values()))[0].counts) // 2
    chosen: tuple[float, Key] | None = None
    for key, points in curves.items():
        found = within([point.read(slice(0, middle)) for point in points], axis, budget)
        if found is not None and (chosen is None or found["recall_at_10"] > chosen[0]):
            chosen = (found["recall_at_10"], key)
    if chosen is None:
        return None, None
    reading = within([point.read(slice(middle, None)) for point in curves[chosen[1]]], axis, budget)
    return (None, None) if reading is None else (chosen[1], reading)
