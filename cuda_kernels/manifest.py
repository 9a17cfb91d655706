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

# --- training arithmetic: sparse products, softmax, Adam, learned hashing ---
STORED = (torch.float32, torch.float64, torch.bfloat16)
E, C, M = (Scalar(name) for name in "ECM")

SAMPLED_MATMUL = Kernel(
    name="sampled_matmul",
    source="sparse_matmul.cu",
    does="inner products at the pairs of a ragged set (SDDMM)",
    templates={"T": STORED},
    arguments=(
        Array("x", "T", "B D"),
        Array("weight", "T", "N D"),
        Array("ids", torch.int64, "E"),
        Array("offsets", torch.int64, "B+1"),
        Array("bias", "T", "N", optional=True),
        Array("products", "T", "E", written=True),
        E,
        B,
        D,
    ),
    grid=Grid("warp", "E"),
    registers=40,
    traffic="T * (B * D + E * D + E) + 8 * E",
    flops="2 * E * D",
)

EMBEDDING_BAG = Kernel(
    name="embedding_bag",
    source="sparse_matmul.cu",
    does="weighted sums of the rows that each sample names",
    templates={"T": STORED},
    arguments=(
        Array("weight", "T", "N D"),
        Array("ids", torch.int64, "E"),
        Array("values", "T", "E"),
        Array("offsets", torch.int64, "B+1"),
        Array("sums", "T", "B D", written=True),
        B,
        D,
    ),
    grid=Grid("thread", "B * D"),
    registers=40,
    traffic="T * (E * D + E + B * D) + 8 * E",
    flops="2 * E * D",
)

SCATTER_SEGMENTS = Kernel(
    name="scatter_segments",
    source="sparse_matmul.cu",
    does="sums of samples by the row that entries name, in a fixed order",
    templates={"T": STORED},
    arguments=(
        Array("x", "T", "B D"),
        Array("values", "T", "E"),
        Array("samples", torch.int64, "E"),
        Array("start", torch.int64, "U+1"),
        Array("order", torch.int64, "E"),
        Array("sums", "T", "U D", written=True),
        U,
        D,
    ),
    grid=Grid("thread", "U * D"),
    registers=40,
    traffic="T * (B * D + E + U * D) + 8 * (2 * E + U)",
    flops="2 * E * D",
)

SCATTER_ATOMIC = Kernel(
    name="scatter_atomic",
    source="sparse_matmul.cu",
    does="sums of samples by the row that entries name, by atomics",
    templates={"T": FLOATS},
    arguments=(
        Array("x", "T", "B D"),
        Array("values", "T", "E"),
        Array("samples", torch.int64, "E"),
        Array("positions", torch.int64, "E"),
        Array("sums", "T", "U D", written=True),
        E,
        D,
    ),
    grid=Grid("thread", "E * D"),
    registers=40,
    traffic="T * (B * D + E + E * D) + 16 * E",
    flops="2 * E * D",
)

TRAINING = (SAMPLED_MATMUL, EMBEDDING_BAG, SCATTER_SEGMENTS, SCATTER_ATOMIC)
# --- end of training arithmetic ---

KERNELS = {kernel.name: kernel for kernel in (SIMHASH, BIT_DISTANCE, *TRAINING)}
