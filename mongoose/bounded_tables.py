"""Hash tables whose buckets take no more than so many items, as SLIDE's do."""

from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from mongoose.ops.buckets import Buckets
from mongoose.tables import HashTables

Bounded = Literal["fifo", "reservoir"]


class BoundedTables(HashTables):
    """HashTables of which a query sees, in every bucket, what a bucket of `capacity` items would still hold.

    "fifo": the last that came. "reservoir": a uniform sample, another one in each bucket and at each build, as
    algorithm R leaves it. A build inserts all items in the order of their ids, and so does an update of any: what a
    full bucket holds depends on all that came before. That is how SLIDE rebuilds its tables, and costs a build.

    Args:
        num_bits, num_tables: as HashTables'. capacity: items a bucket. full: what becomes of full buckets.
        generator: the source of the samples.

    Source: SLIDE §3 and its Table 3; Vitter 1985 (algorithm R). Differs from inserting one by one: the items that are
    not seen still take memory. The reservoir branch of SLIDE's release is not the algorithm.
    """

    def __init__(self, *, num_bits: int, num_tables: int, capacity: int, full: Bounded, generator: Generator) -> None:
        if full not in get_args(Bounded) or capacity < 1:
            raise ValueError(f"full={full!r}, capacity={capacity}; accepted: 'fifo' or 'reservoir', and 1 or more.")
        super().__init__(num_bits=num_bits, num_tables=num_tables)
        self.capacity, self.full, self.generator = capacity, full, generator

    def unbuilt(self) -> "BoundedTables":
        copied = self.generator.clone_state()
        shape = {"num_bits": self.num_bits, "num_tables": self.num_tables, "capacity": self.capacity}
        return BoundedTables(**shape, full=self.full, generator=copied)

    def build(self, codes: Tensor) -> None:
        super().build(codes)
        if self.full == "reservoir":
            assert self._main is not None
            self._main = Buckets(torch.stack([self._shuffled(table) for table in codes.t()]), self._main.offsets)

    def update(self, ids: Tensor, codes: Tensor) -> None:
        super().update(ids, codes)
        if self._side is not None:
            self.build(self.codes)

    def _shuffled(self, codes: Tensor) -> Tensor:
        """[N] items by their codes in one table, those of a bucket in a random order: its first are the sample."""
        order = torch.randperm(len(codes), generator=self.generator, device=self.generator.device)
        order = order.to(codes.device, non_blocking=True)
        return order[torch.argsort(codes[order], stable=True)].int()

    def _window(self, visits: Tensor, cap: int | None, generator: Generator | None) -> tuple[Tensor, int]:
        """A run at the end of the bucket, or at its start; `cap` may shorten it."""
        start = 1.0 if self.full == "fifo" else 0.0
        return torch.full(visits.shape, start, device=visits.device), min(cap or self.capacity, self.capacity)
