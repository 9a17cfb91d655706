"""Winner-take-all codes on CUDA kernels."""

import torch
from torch import Tensor

from cuda_kernels.launch import launch
from mongoose.ops.wta import bits_per_winner, check_bins, check_rows, dwta, dwta_csr, wta


@wta.cuda
def _wta(x: Tensor, bins: Tensor, num_tables: int, centre: Tensor | None = None) -> Tensor:
    check_bins(x.shape[1], bins, num_tables)
    return _dense(x, bins, None, num_tables, centre, bits_per_winner(bins))


@dwta.cuda
def _dwta(
    x: Tensor,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    centre: Tensor | None = None,
    bits_per_bin: int | None = None,
) -> Tensor:
    check_bins(x.shape[1], bins, num_tables, probes)
    bits = bits_per_winner(bins, bits_per_bin)
    return _dense(x, bins, probes.int().contiguous(), num_tables, centre, bits)


def _dense(x: Tensor, bins: Tensor, probes: Tensor | None, num_tables: int, centre: Tensor | None, bits: int) -> Tensor:
    codes = torch.empty(len(x), num_tables, dtype=torch.int32, device=x.device)
    centre = None if centre is None else centre.to(x.dtype).contiguous()
    rows = {"x": x.contiguous(), "centre": centre, "coordinates": bins.int().contiguous(), "probes": probes}
    launch("wta", **rows, codes=codes, bits=bits)
    return codes


@dwta_csr.cuda
def _dwta_csr(
    indices: Tensor,
    values: Tensor,
    offsets: Tensor,
    dim: int,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    bits_per_bin: int | None = None,
) -> Tensor:
    check_bins(dim, bins, num_tables, probes)
    bits = bits_per_winner(bins, bits_per_bin)
    check_rows(indices, values, offsets, dim)
    rows = {"indices": indices.long().contiguous(), "values": values.contiguous(), "offsets": offsets.long()}
    slots = bins.flatten().long().argsort(stable=True)  # where each coordinate stands in the bins
    counts = torch.bincount(bins.flatten(), minlength=dim).cumsum(0)
    where = {"slots": slots, "slot_offsets": torch.cat([counts.new_zeros(1), counts])}
    codes = torch.empty(len(offsets) - 1, num_tables, dtype=torch.int32, device=values.device)
    shape = {"bins": bins.shape[0], "S": bins.shape[1], "bits": bits}
    launch("dwta_csr", **rows, **where, probes=probes.int().contiguous(), codes=codes, **shape)
    return codes
