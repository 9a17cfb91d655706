"""When the codes have drifted."""

from typing import Literal

import torch
from torch import Generator, Tensor

from mongoose.hashing.simhash import Planes, SimHash
from mongoose.ops.simhash import bit_distance
from mongoose.scheduling.base import Rows, RowSource, UpdatePolicy

Comparison = Literal["bits", "packed_integers"]


class Drift(UpdatePolicy):
    """Update every row once more than `threshold` of a probe's code bits differ from those at the last update.

    The probe is a SimHash of its own on a fixed random sample of rows, so asking costs rows·bits products, not a hash
    of all N rows. Its second copy of the parameters is the sampled rows' codes.

    Args:
        threshold: fraction of probe bits in [0, 1]; of packed integers, the mean difference, ≥ 0.
        dim: D. probe_bits: bits a code. probe_tables: codes a row. planes: of the probe, as in SimHash.
        probe_rows: sampled rows (all, if there are fewer); None: all.
        interval: ask only every so many steps. generator: the source of planes and sample.
        compare: what of two codes. "packed_integers" is their difference as numbers, as in the Reformer half of the
            released code, where bit j weighs 2**j: a defect, since the threshold is then no share of anything.

    Source: MONGOOSE §3.2, as released; `released_slide` and `released_reformer` are its two halves.
    Differs from the released code, by default: a sample of rows; bits compared as bits.
    """

    def __init__(
        self,
        threshold: float,
        *,
        dim: int,
        generator: Generator,
        probe_bits: int = 16,
        probe_tables: int = 1,
        probe_rows: int | None = 4096,
        planes: Planes = "gaussian",
        interval: int = 1,
        compare: Comparison = "bits",
    ) -> None:
        if threshold < 0 or (compare == "bits" and not threshold <= 1):
            raise ValueError(f"threshold={threshold}; a fraction of bits in [0, 1] is accepted.")
        self.threshold, self.probe_rows, self.interval, self.compare = threshold, probe_rows, interval, compare
        self.probe = SimHash(dim, num_bits=probe_bits, num_tables=probe_tables, planes=planes, generator=generator)
        self.generator = generator
        self.sample: Tensor | None = None

    @classmethod
    def released_slide(cls, *, dim: int, num_tables: int, generator: Generator) -> "Drift":
        """Once 30 % of the bits of L one-bit codes of all rows differ.

        Source: released network.py, `LSHSampledLayer.rebuild` (thresh 0.3, k = 1, the L of the tables).
        Differs from it: the bias is not hashed with the row, unless the owner of the tables hashes it so.
        """
        return cls(
            0.3,
            dim=dim,
            generator=generator,
            probe_bits=1,
            probe_tables=num_tables,
            probe_rows=None,
            planes="signs",
        )

    @classmethod
    def released_reformer(cls, *, dim: int, generator: Generator) -> "Drift":
        """Once packed codes of ten bits of all rows differ by more than 0.01 in the mean: after nearly every step.

        Source: released scheduler.py, `Scheduler(…, k=10, l=1, thresh=0.01)`.
        Differs from it: compares with the rows at the first update, not with those before they were initialised.
        """
        return cls(
            0.01,
            dim=dim,
            generator=generator,
            probe_bits=10,
            probe_rows=None,
            planes="signs",
            compare="packed_integers",
        )

    def rows_to_update(self, step: int, weight: RowSource) -> Rows:
        if step % self.interval:
            return Rows.NONE
        self.cost.asked += 1
        return Rows.ALL if self.drift(weight) > self.threshold else Rows.NONE

    def updated(self, step: int, weight: RowSource, rows: Rows | Tensor = Rows.ALL) -> None:
        if self.sample is None:
            order = torch.randperm(len(weight), generator=self.generator, device=self.generator.device)
            self.sample = order[: self.probe_rows].to(weight.device)
        self.codes = self._probe(weight)

    def drift(self, weight: RowSource) -> float:
        """The fraction of probe bits that differ from those at the last update; or the mean difference of the codes."""
        if self.sample is None:
            raise RuntimeError("drift() before updated(): nothing to compare with; announce the first build first.")
        codes = self._probe(weight)
        if self.compare == "packed_integers":
            return float((codes - self.codes).abs().double().mean())
        return float(bit_distance(codes, self.codes).float().mean()) / self.probe.num_bits

    def _probe(self, weight: RowSource) -> Tensor:
        assert self.sample is not None
        self.cost.rows_hashed += len(self.sample)
        return self.probe.codes(weight[:] if self.probe_rows is None else weight[self.sample])
