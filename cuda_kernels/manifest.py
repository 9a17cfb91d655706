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
    registers=64,
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
    registers=64,
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
    registers=64,
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
    registers=32,
    traffic="T * (B * D + E + E * D) + 16 * E",
    flops="2 * E * D",
)

SCORES = {"Z": STORED, "T": FLOATS}  # how scores are stored, and in what they are summed
SHIFT = (Array("bias", "T", "U"), Array("log_inclusion", "T", "U", optional=True))
COLUMNS = (Array("columns", torch.int64, "E"), Array("offsets", torch.int64, "B+1"))

ADD_AT_LABELS = Kernel(
    name="add_at_labels",
    source="softmax.cu",
    does="labels' scores without the correction of negatives",
    templates=SCORES,
    arguments=(*COLUMNS, Array("by", "T", "U"), Array("scores", "Z", "U B", written=True), E, B),
    grid=Grid("thread", "E"),
    registers=32,
    traffic="E * (8 + T + 2 * Z)",
    flops="E",
)

SOFTMAX_CHUNKS = Kernel(
    name="softmax_chunks",
    source="softmax.cu",
    does="partition functions of chunks of a shared active set",
    templates=SCORES,
    arguments=(
        Array("scores", "Z", "U B"),
        *SHIFT,
        Array("largest", "T", "(U+63)//64 B", written=True),
        Array("sums", "T", "(U+63)//64 B", written=True),
        U,
        B,
    ),
    grid=Grid("warp", "4 * ((B + 31) // 32)", rows="(U + 63) // 64"),
    shared=2 * 128 * 8,
    registers=64,
    traffic="Z * U * B + 2 * T * U",
    flops="5 * U * B",
)

SOFTMAX_SAMPLES = Kernel(
    name="softmax_samples",
    source="softmax.cu",
    does="partition functions and losses of the samples",
    templates=SCORES,
    arguments=(
        Array("scores", "Z", "U B"),
        *SHIFT,
        *COLUMNS,
        Array("chunk_largest", "T", "C B"),
        Array("chunk_sums", "T", "C B"),
        Array("largest", "T", "B", written=True),
        Array("shares", "T", "B", written=True),
        Array("scale", "T", "B", written=True),
        Array("losses", "T", "B", written=True),
        C,
        B,
    ),
    grid=Grid("warp", "B"),
    registers=64,
    traffic="T * (2 * C * B + 4 * B) + E * (8 + Z + 2 * T)",
    flops="5 * C * B + 3 * E",
)

SOFTMAX_WEIGHTS = Kernel(
    name="softmax_weights",
    source="softmax.cu",
    does="scores to exp(score - largest), in place",
    templates=SCORES,
    arguments=(Array("scores", "Z", "U B", written=True), *SHIFT, Array("largest", "T", "B"), U, B),
    grid=Grid("thread", "U * B"),
    registers=32,
    traffic="2 * Z * U * B + T * (2 * U + B)",
    flops="4 * U * B",
)

TAKE_SHARES_OFF = Kernel(
    name="take_shares_off",
    source="softmax.cu",
    does="labels' shares taken off the weights: the gradient",
    templates=SCORES,
    arguments=(*COLUMNS, Array("shares", "T", "B"), Array("weights", "Z", "U B", written=True), E, B),
    grid=Grid("thread", "E"),
    registers=32,
    traffic="E * (8 + T + 2 * Z)",
    flops="E",
)

RAGGED_SOFTMAX = Kernel(
    name="ragged_softmax",
    source="softmax.cu",
    does="loss and gradient where each sample has an active set of its own",
    templates={"T": FLOATS},
    arguments=(
        Array("logits", "T", "E"),
        Array("ids", torch.int64, "E"),
        Array("offsets", torch.int64, "B+1"),
        Array("label_ids", torch.int64, "M"),
        Array("label_offsets", torch.int64, "B+1"),
        Array("gradient", "T", "E", written=True),
        Array("losses", "T", "B", written=True),
        Scalar("share", torch.float64),
        B,
    ),
    grid=Grid("block", "B"),
    shared=2 * 4 * 8,
    registers=64,
    traffic="E * (2 * T + 8) + 8 * M",
    flops="9 * E",
)

STEP = tuple(Scalar(name, torch.float64) for name in ("lr", "beta1", "beta2", "log_beta1", "log_beta2", "eps", "decay"))

ROW_ADAM = Kernel(
    name="row_adam",
    source="adam.cu",
    does="a step of Adam on rows",
    templates={"T": FLOATS},
    arguments=(
        Array("param", "T", "N D", written=True),
        Array("mean", "T", "N D", written=True),
        Array("square", "T", "N D", written=True),
        Array("gradient", "T", "U D"),
        Array("rows", torch.int64, "U", optional=True),
        Array("steps", torch.int64, "S"),
        U,
        D,
        Scalar("S"),
        *STEP,
    ),
    grid=Grid("thread", "U * D"),
    registers=64,
    traffic="7 * T * U * D + 8 * U",
    flops="16 * U * D",
)

ROW_ADAM_ROWWISE = Kernel(
    name="row_adam_rowwise",
    source="adam.cu",
    does="a step of Adam on rows that have one second moment each",
    templates={"T": FLOATS},
    arguments=(
        Array("param", "T", "N D", written=True),
        Array("mean", "T", "N D", written=True),
        Array("square", "T", "N", written=True),
        Array("gradient", "T", "U D"),
        Array("rows", torch.int64, "U", optional=True),
        Array("steps", torch.int64, "S"),
        U,
        D,
        Scalar("S"),
        *STEP,
    ),
    grid=Grid("warp", "U"),
    registers=64,
    traffic="T * (5 * U * D + 2 * U) + 8 * U",
    flops="9 * U * D",
)

INVERSE_CDF = Kernel(
    name="inverse_cdf",
    source="inverse_cdf.cu",
    does="draws from a discrete distribution",
    arguments=(
        Array("uniform", torch.float64, "n"),
        Array("cumulative", torch.float64, "N"),
        Array("found", torch.int64, "n", written=True),
        Scalar("n"),
        N,
    ),
    grid=Grid("thread", "n"),
    registers=32,
    traffic="16 * n + 8 * N",
)

BIT_TRIPLET = Kernel(
    name="bit_triplet",
    source="learned.cu",
    does="triplet loss of smooth bits, with its gradients",
    templates={"T": FLOATS},
    arguments=(
        *(Array(name, "T", "M P") for name in ("anchor", "positive", "other", "negative")),
        Array("losses", "T", "M", written=True),
        *(Array(f"of_{name}", "T", "M P", written=True) for name in ("anchor", "positive", "other", "negative")),
        M,
        Scalar("P"),
        Scalar("scale", torch.float64),
        Scalar("margin", torch.float64),
    ),
    grid=Grid("warp", "M"),
    registers=64,
    traffic="8 * T * M * P + T * M",
    flops="20 * M * P",
)

CONTRASTIVE = Kernel(
    name="contrastive",
    source="learned.cu",
    does="contrastive loss of smooth bits, with its gradients by queries",
    templates={"T": FLOATS},
    arguments=(
        Array("anchor", "T", "M L K"),
        Array("positive", "T", "M L K"),
        Array("rows", "T", "C L K"),
        Array("losses", "T", "M L", written=True),
        Array("weights", "T", "L M C", written=True),
        Array("of_anchor", "T", "M L K", written=True),
        Array("of_positive", "T", "M L K", written=True),
        M,
        C,
        L,
        K,
        Scalar("scale", torch.float64),
        Scalar("sharpness", torch.float64),
    ),
    grid=Grid("warp", "M", rows="L"),
    dynamic="T * (C + 4) * K",
    registers=64,
    traffic="T * (4 * M * L * K + C * L * K + M * L * C + M * L)",
    flops="4 * M * L * C * K",
)

CONTRASTIVE_ROWS = Kernel(
    name="contrastive_rows",
    source="learned.cu",
    does="gradient of the contrastive loss by rows",
    templates={"T": FLOATS},
    arguments=(
        Array("anchor", "T", "M L K"),
        Array("rows", "T", "C L K"),
        Array("weights", "T", "L M C"),
        Array("of_rows", "T", "C L K", written=True),
        M,
        C,
        L,
        K,
        Scalar("scale", torch.float64),
        Scalar("sharpness", torch.float64),
    ),
    grid=Grid("thread", "C * L * K"),
    registers=64,
    traffic="T * (M * L * K + 2 * C * L * K + M * L * C)",
    flops="2 * M * L * C * K",
)

CHOOSE_PAIRS = Kernel(
    name="choose_pairs",
    source="mining.cu",
    does="pairs whose score is below a limit, or above",
    templates={"T": FLOATS, "Above": (False, True)},
    arguments=(
        Array("x", "T", "B D"),
        Array("weight", "T", "N D"),
        Array("bias", "T", "N", optional=True),
        Array("samples", torch.int64, "E"),
        Array("ids", torch.int64, "E"),
        Array("limit", "T", "B"),
        Array("chosen", torch.int32, "E", written=True),
        E,
        D,
    ),
    grid=Grid("warp", "E"),
    registers=64,
    traffic="T * (B * D + E * D) + 20 * E",
    flops="2 * E * D",
)

GATHER_PAIRS = Kernel(
    name="gather_pairs",
    source="mining.cu",
    does="the chosen pairs, in their order",
    arguments=(
        Array("chosen", torch.int32, "E"),
        Array("before", torch.int64, "E"),
        Array("samples", torch.int64, "E"),
        Array("ids", torch.int64, "E"),
        Array("chosen_samples", torch.int64, "M", written=True),
        Array("chosen_ids", torch.int64, "M", written=True),
        E,
    ),
    grid=Grid("thread", "E"),
    registers=32,
    traffic="28 * E + 16 * M",
)

TRAINING = (
    SAMPLED_MATMUL,
    EMBEDDING_BAG,
    SCATTER_SEGMENTS,
    SCATTER_ATOMIC,
    ADD_AT_LABELS,
    SOFTMAX_CHUNKS,
    SOFTMAX_SAMPLES,
    SOFTMAX_WEIGHTS,
    TAKE_SHARES_OFF,
    RAGGED_SOFTMAX,
    ROW_ADAM,
    ROW_ADAM_ROWWISE,
    INVERSE_CDF,
    BIT_TRIPLET,
    CONTRASTIVE,
    CONTRASTIVE_ROWS,
    CHOOSE_PAIRS,
    GATHER_PAIRS,
)
# --- end of training arithmetic ---

KERNELS = {kernel.name: kernel for kernel in (SIMHASH, BIT_DISTANCE, *TRAINING)}
