"""Densified winner-take-all hashing, SLIDE's family for Amazon-670K."""

import torch
from torch import Generator, Tensor

from mongoose.hashing.base import HashFamily
from mongoose.hashing.wta import draw_bins
from mongoose.ops.wta import dwta, dwta_csr, probe_modulus


class DWTA(HashFamily):
    """WTA over the coordinates that are not 0; a bin without any borrows the winner of another.

    Args:
        As WTA's.

    Source: Chen & Shrivastava 2018; SLIDE §3.2. Differs from SLIDE's release: see `mongoose.ops.wta.dwta`.
    """

    bins: Tensor
    probes: Tensor

    def __init__(self, dim: int, *, num_bits: int, num_tables: int, generator: Generator) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.register_buffer("bins", draw_bins(dim, num_bits, num_tables, generator))
        self.register_buffer("probes", draw_probes(len(self.bins), generator))

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        """As every family's. With a centre, a coordinate is absent where it equals the centre's."""
        return dwta(x, self.bins, self.probes, self.num_tables, centre)

    def sparse_codes(self, indices: Tensor, values: Tensor, offsets: Tensor) -> Tensor:
        """Codes of sparse rows, equal to those of the same rows made dense; arguments as `dwta_csr`'s."""
        return dwta_csr(indices, values, offsets, self.dim, self.bins, self.probes, self.num_tables)


def draw_probes(num_bins: int, generator: Generator) -> Tensor:
    """[num_bins, 2] int32: where an empty bin starts to look for another's winner, and its odd step."""
    size = probe_modulus(num_bins)
    start, step = torch.randint(0, size, (2, num_bins), generator=generator)
    return torch.stack([start, step | 1], dim=1).int()
