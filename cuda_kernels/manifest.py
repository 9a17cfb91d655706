"""The kernels: one entry each, from which loader, checks, emulator, tests, occupancy and docs are driven."""

import torch

from cuda_kernels.kernel import Array, Grid, Kernel, Scalar

FLOATS = (torch.float32, torch.float64)
N, D, L, K, B, U = (Scalar(name) for name in "NDLKBU")

SIMHASH = Kernel(
    name="simhash",
    source="simhash.cu",
    does="codes from the signs of projections",
    templates={"T": FLOATS, "Code": (torch.int32, torch.int64)},
    arguments=(
        Array("x", "T", "N D"),
        Array("planes", "T", "D L*K"),
        Array("offset", "T", "L*K", optional=True),
        Array("codes", "Code", "N L", written=True),
        N,
        D,
        L,
        K,
    ),
    grid=Grid("warp", "(N + 3) // 4"),
    dynamic="4 * 4 * 4 * ((L * K + 31) // 32)",  # of four warps, four rows, a bit a plane
    registers=64,
    traffic="T * (N * D + D * L * K) + Code * N * L",
    flops="2 * N * D * L * K",
)

BIT_DISTANCE = Kernel(
    name="bit_distance",
    source="simhash.cu",
    does="number of bits in which codes differ",
    arguments=(
        Array("a", torch.int32, "n"),
        Array("b", torch.int32, "n"),
        Array("distance", torch.int32, "n", written=True),
        Scalar("n"),
    ),
    grid=Grid("thread", "n"),
    registers=32,
    traffic="12 * n",
)

KERNELS = {kernel.name: kernel for kernel in (SIMHASH, BIT_DISTANCE)}
