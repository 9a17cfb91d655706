"""Winner-take-all codes: which coordinate of a bin is the largest; and densified ones, for rows with many zeros.

Sources: Yagnik et al. 2011 (WTA); Chen & Shrivastava 2018 (densified WTA); SLIDE §3.2 and its DensifiedWtaHash.cpp.
"""

import torch
from torch import Tensor

from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.simhash import MAX_BITS


@op("wta")
def wta(x: Tensor, bins: Tensor, num_tables: int, centre: Tensor | None = None) -> Tensor:
    """Hash every row of `x` by the winners of its bins.

    Args:
        x: [N, D] float32 or float64 rows, finite.
        bins: [L*m, S] int32, the coordinates that each bin compares; S is a power of two. Table l owns bins l*m … .
        num_tables: L.
        centre: [D] what is subtracted from every row first, or None.

    Returns:
        [N, L] int32 codes in [0, S**m): the winner of a table's j-th bin, 0 … S-1, is the j-th digit to base S. The
        winner is the place in the bin of its largest coordinate, the first of equals.

    Raises:
        ValueError: the shapes do not fit, a coordinate is not in 0 … D-1, or a code takes more than 24 bits.
    """
    check_bins(x.shape[1], bins, num_tables)
    values = (x if centre is None else x - centre)[:, bins.long()]
    return _pack(values.argmax(dim=2), bits_per_winner(bins), num_tables)


@op("dwta")
def dwta(
    x: Tensor,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    centre: Tensor | None = None,
    bits_per_bin: int | None = None,
) -> Tensor:
    """`wta` over the coordinates that are not 0; an empty bin, one that has none, borrows another's winner.

    Args:
        x, bins, num_tables, centre: as in `wta`; a coordinate is absent where x − centre is 0.
        probes: [L*m, 2] int32, a start ≥ 0 and an odd step for each bin. An empty bin takes the winner of the first bin
            that is not empty among start, start + step, start + 2·step, … modulo M, the least power of two ≥ L*m
            (numbers ≥ L*m name no bin and are passed over). The sequence visits all bins. If all are empty, every
            winner is 0.
        bits_per_bin: b, by which a winner is shifted against the one before it: a code is Σ_j winner_j · 2^(b·j). None:
            log₂ S, so that winners stand side by side. With fewer they overlap, and different winners may add up to the
            same code.

    Returns:
        As `wta`.

    Raises:
        ValueError: as `wta`; or the probes do not fit, or `bits_per_bin` is not in 1 … log₂ S.

    Differs from SLIDE's release: the dense hash sees zeros as absent, like the sparse one (there only the sparse one
    does); winners take log₂ S bits (there ⌊ln 8⌋ = 2 bits for eight values; `bits_per_bin=2` does the same, but for the
    order of the bins in the sum); probing visits every bin (there it ends after 100 tries without a code); each bin has
    its own random probe sequence (there a shared multiplicative hash).
    """
    check_bins(x.shape[1], bins, num_tables, probes)
    bits = bits_per_winner(bins, bits_per_bin)
    values = (x if centre is None else x - centre)[:, bins.long()]
    largest, winner = torch.where(values == 0, -torch.inf, values).max(dim=2)
    winner = torch.where(largest == -torch.inf, -1, winner)
    return _pack(fill_empty(winner, probes), bits, num_tables)


@op("dwta_csr")
def dwta_csr(
    indices: Tensor,
    values: Tensor,
    offsets: Tensor,
    dim: int,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    bits_per_bin: int | None = None,
) -> Tensor:
    """`dwta` of sparse rows; equals it on the same rows made dense.

    Args:
        indices: [nnz] int64 coordinates, without repeats in a row. values: [nnz]. offsets: [N + 1] int64: row i holds
            entries offsets[i] … offsets[i + 1]-1.
        dim: D. bins, probes, num_tables, bits_per_bin: as in `dwta`.

    Returns:
        [N, L] int32, as `dwta`.
    """
    check_bins(dim, bins, num_tables, probes)
    check_rows(indices, values, offsets, dim)
    row = torch.repeat_interleave(offsets.diff())
    dense = values.new_zeros(len(offsets) - 1, dim).index_put((row, indices), values)
    return dwta.reference(dense, bins, probes, num_tables, None, bits_per_bin)


def fill_empty(winner: Tensor, probes: Tensor) -> Tensor:
    """[N, bins] winners, −1 where empty → the same with the empty ones filled from the row's own winners.

    Args:
        probes: as in `dwta`.
    """
    num_bins = winner.shape[1]
    size = probe_modulus(num_bins)
    filled = torch.where((winner < 0).all(1, keepdim=True), 0, winner)
    row, empty = (filled < 0).nonzero(as_tuple=True)
    start, step = probes.long().unbind(1)
    for attempt in range(size):
        if not len(row):
            break
        other = (start[empty] + attempt * step[empty]) % size
        found = torch.where(other < num_bins, winner[row, other.clamp_max(num_bins - 1)], -1)
        filled[row, empty] = found
        row, empty = row[found < 0], empty[found < 0]
    return filled


def probe_modulus(num_bins: int) -> int:
    """M, the least power of two ≥ `num_bins`."""
    return 1 << (num_bins - 1).bit_length()


def bits_per_winner(bins: Tensor, asked: int | None = None) -> int:
    whole = bins.shape[1].bit_length() - 1
    if asked is not None and not 1 <= asked <= whole:
        raise ValueError(f"bits_per_bin={asked} for bins of {bins.shape[1]}; 1 … {whole} are accepted.")
    return whole if asked is None else asked


def _pack(winner: Tensor, bits: int, num_tables: int) -> Tensor:
    bins_per_table = winner.shape[1] // num_tables
    weights = 1 << bits * torch.arange(bins_per_table, device=winner.device)
    return (winner.view(-1, num_tables, bins_per_table) * weights).sum(2).int()


@wta.fake
def _wta_shape(x: Tensor, bins: Tensor, num_tables: int, centre: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@dwta.fake
def _dwta_shape(
    x: Tensor,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    centre: Tensor | None = None,
    bits_per_bin: int | None = None,
) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@dwta_csr.fake
def _dwta_csr_shape(
    indices: Tensor,
    values: Tensor,
    offsets: Tensor,
    dim: int,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    bits_per_bin: int | None = None,
) -> Tensor:
    return values.new_empty(len(offsets) - 1, num_tables, dtype=torch.int32)


@wta.kernel
def _wta_cpu(x: Tensor, bins: Tensor, num_tables: int, centre: Tensor | None = None) -> Tensor:
    check_bins(x.shape[1], bins, num_tables)
    return _hash_dense(x, bins, None, num_tables, centre, bits_per_winner(bins))


@dwta.kernel
def _dwta_cpu(
    x: Tensor,
    bins: Tensor,
    probes: Tensor,
    num_tables: int,
    centre: Tensor | None = None,
    bits_per_bin: int | None = None,
) -> Tensor:
    check_bins(x.shape[1], bins, num_tables, probes)
    return _hash_dense(x, bins, probes.int().contiguous(), num_tables, centre, bits_per_winner(bins, bits_per_bin))


def _hash_dense(
    x: Tensor, bins: Tensor, probes: Tensor | None, num_tables: int, centre: Tensor | None, bits: int
) -> Tensor:
    x, bins = x.contiguous(), bins.int().contiguous()
    centre = None if centre is None else centre.to(x.dtype).contiguous()
    codes = torch.empty(len(x), num_tables, dtype=torch.int32)
    call(instance("wta", x.dtype), *x.shape, x, centre, *bins.shape, bins, probes, num_tables, bits, codes)
    return codes


@dwta_csr.kernel
def _dwta_csr_cpu(
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
    rows = (indices.long().contiguous(), values.contiguous(), offsets.long().contiguous())
    slots = bins.flatten().long().argsort(stable=True)
    slot_offsets = torch.zeros(dim + 1, dtype=torch.int64)
    slot_offsets[1:] = torch.bincount(bins.flatten(), minlength=dim).cumsum(0)
    codes = torch.empty(len(offsets) - 1, num_tables, dtype=torch.int32)
    kernel = instance("dwta_csr", values.dtype)
    probes = probes.int().contiguous()
    call(kernel, len(codes), *rows, slots, slot_offsets, *bins.shape, probes, num_tables, bits, codes)
    return codes


def check_bins(dim: int, bins: Tensor, num_tables: int, probes: Tensor | None = None) -> None:
    num_bins, size = bins.shape
    if num_tables < 1 or num_bins < 1 or num_bins % num_tables or size & (size - 1) or not size:
        raise ValueError(f"bins of shape {num_bins} × {size} for {num_tables} tables; expected [L*m, a power of two].")
    num_bits = num_bins // num_tables * (size.bit_length() - 1)
    if num_bits > MAX_BITS:
        raise ValueError(f"{num_bins // num_tables} bins of {size} a table make {num_bits} bits; at most {MAX_BITS}.")
    if not 0 <= int(bins.min()) <= int(bins.max()) < dim:
        raise ValueError(f"bins name coordinates {int(bins.min())} … {int(bins.max())}; rows have 0 … {dim - 1}.")
    if probes is not None and (
        probes.shape != (num_bins, 2) or probes[:, 0].min() < 0 or (probes[:, 1] % 2 != 1).any()
    ):
        raise ValueError(
            f"probes must be [{num_bins}, 2]: starts ≥ 0 and odd steps; the shape is {tuple(probes.shape)}."
        )


def check_rows(indices: Tensor, values: Tensor, offsets: Tensor, dim: int) -> None:
    if len(indices) != len(values) or len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(indices):
        raise ValueError(f"{len(indices)} indices and {len(values)} values do not fit the offsets.")
    if bool((offsets.diff() < 0).any()):
        raise ValueError("offsets must not fall.")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < dim:
        raise ValueError(f"indices {int(indices.min())} … {int(indices.max())}; accepted: 0 … {dim - 1}.")
