"""When the codes have drifted."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.simhash import SimHash
from mongoose.ops.simhash import bit_distance
from mongoose.scheduling.base import Rows, UpdatePolicy


class Drift(UpdatePolicy):
    """Update every row once more than `threshold` of a probe's code bits differ from those at the last update.

    The probe is a SimHash of its own on a fixed random sample of rows, so asking costs rows·bits products, not a hash
    of all N rows. Its second copy of the parameters is the sampled rows' codes.

    Args:
        threshold: fraction of probe bits in [0, 1].
        dim: D. probe_bits: bits a row. probe_rows: sampled rows (all, if there are fewer).
        interval: ask only every so many steps. generator: the source of planes and sample.

    Source: MONGOOSE §3.2, as released for SLIDE (network.py `rebuild`: 1-bit codes, threshold 0.3).
    Differs from the released code: a sample of rows; bits compared as bits (its Reformer half subtracts packed
    integers).
    """

    def __init__(
        self,
        threshold: float,
        *,
        dim: int,
        generator: Generator,
        probe_bits: int = 16,
        probe_rows: int = 4096,
        interval: int = 1,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold}; a fraction of bits in [0, 1] is accepted.")
        self.threshold, self.probe_rows, self.interval = threshold, probe_rows, interval
        self.probe = SimHash(dim, num_bits=probe_bits, num_tables=1, generator=generator)
        self.generator = generator
        self.sample: Tensor | None = None

    def rows_to_update(self, step: int, weight: Tensor) -> Rows:
        if step % self.interval:
            return Rows.NONE
        return Rows.ALL if self.drift(weight) > self.threshold else Rows.NONE

    def updated(self, step: int, weight: Tensor) -> None:
        if self.sample is None:
            self.sample = torch.randperm(len(weight), generator=self.generator)[: self.probe_rows]
        self.codes = self.probe.codes(weight[self.sample])

    def drift(self, weight: Tensor) -> float:
        """The fraction of probe bits that differ from those at the last update."""
        if self.sample is None:
            raise RuntimeError("drift() before updated(): nothing to compare with; announce the first build first.")
        differing = bit_distance(self.probe.codes(weight[self.sample]), self.codes)
        return float(differing.float().mean()) / self.probe.num_bits
