"""SimHash by the fast Hadamard transform: codes from projections on the rows of H·S₂·H·S₁.

A plane matrix costs D products a bit; P projections of a transform cost P log₂ P additions.
Source: Ailon & Chazelle 2009 (H·S in place of a dense projection); Andoni et al. 2015 (several rounds for hashing).
"""

import torch
from torch import Tensor

from mongoose.native.library import call, instance
from mongoose.ops.backend import op
from mongoose.ops.simhash import MAX_BITS, pack_bits

MIN_SIZE = 16


@op("hadamard_simhash")
def hadamard_simhash(x: Tensor, signs: Tensor, num_bits: int, num_tables: int, offset: Tensor | None = None) -> Tensor:
    """Hash every row of `x` into one code per table.

    Args:
        x: [N, D] float32 or float64 rows.
        signs: [T, 2, P], entries ±1: the diagonals S₁, S₂ of T independent blocks of P projections. P is a power of
            two, at least 16 and D; T·P is at least L·K, and the projections after the first L·K are not used.
        num_bits: K, in 1 … 24. num_tables: L.
        offset: [L*K] what a projection is compared with, or None for 0. `hadamard_projections(c, …)` hashes x − c.

    Returns:
        [N, L] int32 codes in [0, 2**K). Table l owns projections l*K … l*K+K-1; bit j is set where the j-th is > its
        offset.

    Raises:
        ValueError: the shapes do not fit.
    """
    check_transform(x, signs, num_bits, num_tables)
    projected = hadamard_projections(x, signs)[:, : num_tables * num_bits]
    return pack_bits(projected > (0 if offset is None else offset), num_tables)


def hadamard_projections(x: Tensor, signs: Tensor) -> Tensor:
    """[N, D] → [N, T*P]: H·S₂·H·S₁·x of every block, x padded with zeros; not scaled, H has entries ±1."""
    transform = hadamard_matrix(signs.shape[2]).to(x)
    padded = torch.nn.functional.pad(x, (0, signs.shape[2] - x.shape[1]))
    blocks = [padded * first @ transform * second @ transform for first, second in signs.to(x)]
    return torch.cat(blocks, dim=1)


def hadamard_matrix(size: int) -> Tensor:
    """The Hadamard matrix of order `size`, a power of two, in Sylvester's order; float32, symmetric."""
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.kron(torch.tensor([[1.0, 1.0], [1.0, -1.0]]), matrix)
    return matrix


@hadamard_simhash.fake
def _shape(x: Tensor, signs: Tensor, num_bits: int, num_tables: int, offset: Tensor | None = None) -> Tensor:
    return x.new_empty(len(x), num_tables, dtype=torch.int32)


@hadamard_simhash.kernel
def _hadamard_cpu(x: Tensor, signs: Tensor, num_bits: int, num_tables: int, offset: Tensor | None = None) -> Tensor:
    check_transform(x, signs, num_bits, num_tables)
    x, signs = x.contiguous(), signs.to(x.dtype).contiguous()
    offset = None if offset is None else offset.to(x.dtype).contiguous()
    codes = torch.empty(len(x), num_tables, dtype=torch.int32)
    kernel = instance("hadamard_hash", x.dtype)
    call(kernel, *x.shape, x, signs.shape[2], signs, num_tables, num_bits, offset, codes)
    return codes


def check_transform(x: Tensor, signs: Tensor, num_bits: int, num_tables: int) -> None:
    blocks, rounds, size = signs.shape
    if rounds != 2 or size < max(MIN_SIZE, x.shape[1]) or size & (size - 1):
        raise ValueError(
            f"signs of shape {tuple(signs.shape)} for D={x.shape[1]}; expected [T, 2, P], "
            f"P a power of two, at least {MIN_SIZE} and D."
        )
    if not 1 <= num_bits <= MAX_BITS or not 1 <= num_bits * num_tables <= blocks * size:
        raise ValueError(
            f"num_bits={num_bits}, num_tables={num_tables} from {blocks}·{size} projections; "
            f"1 ≤ K ≤ {MAX_BITS} and 1 ≤ L*K ≤ T*P are accepted."
        )
