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

SPARSE_SIMHASH = Kernel(
    name="sparse_simhash",
    source="simhash.cu",
    does="codes from the signs of sums over each plane's list of coordinates",
    templates={"T": FLOATS, "Code": (torch.int32, torch.int64)},
    arguments=(
        Array("x", "T", "N D"),
        Array("entries", torch.int32, "S L*K"),
        Array("offset", "T", "L*K", optional=True),
        Array("codes", "Code", "N L", written=True),
        N,
        D,
        Scalar("S"),
        L,
        K,
    ),
    grid=Grid("warp", "(N + 3) // 4"),
    dynamic="4 * 4 * 4 * ((L * K + 31) // 32)",  # as of simhash
    registers=64,
    traffic="T * N * D + 4 * S * L * K + Code * N * L",
    flops="N * S * L * K",
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
        Array("offsets", torch.int64, "B+1"),
        Array("ends", torch.int64, "U"),
        Array("order", torch.int64, "E"),
        Array("sums", "T", "U D", written=True),
        U,
        B,
        D,
    ),
    grid=Grid("thread", "U * D"),
    registers=64,
    traffic="T * (B * D + E + U * D) + 8 * (E + U + B)",
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

SUMMED = tuple((dtype, dtype) for dtype in FLOATS)
SCORES = {"Z T": (*SUMMED, (torch.bfloat16, torch.float32))}  # how scores are stored, and in what they are summed
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
    does="pairs whose score is below a limit",
    templates={"T": FLOATS},
    arguments=(
        Array("x", "T", "B D"),
        Array("weight", "T", "N D"),
        Array("bias", "T", "N", optional=True),
        Array("samples", torch.int64, "E"),
        Array("ids", torch.int64, "E"),
        Array("limit", "T", "B"),
        Array("chosen", torch.int64, "E", written=True),
        E,
        D,
    ),
    grid=Grid("warp", "E"),
    registers=64,
    traffic="T * (B * D + E * D) + 24 * E",
    flops="2 * E * D",
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
)
# --- end of training arithmetic ---

# --- hashing, tables and retrieval ---
INTS = (torch.int32, torch.int64)
i32, i64 = torch.int32, torch.int64
LIST = 2048  # ids of a query that its set in shared memory takes: MOST of lookup.cu
R, P, T, S, W, n = (Scalar(name) for name in "RPTSWn")
k, keep, bits, bins, taken = (Scalar(name) for name in ("k", "keep", "bits", "bins", "taken"))
chunks, shift, step, width, total = (Scalar(name) for name in ("chunks", "shift", "step", "width", "total"))
min_count, enough = Scalar("min_count"), Scalar("enough")

SCAN = Kernel(
    name="scan",
    source="scan.cu",
    does="sums before each number, within blocks",
    arguments=(
        Array("counts", i64, "n"),
        Array("offsets", i64, "n+1", written=True),
        Array("totals", i64, "n//1024+1", written=True),
        n,
    ),
    grid=Grid("block", "n // 1024 + 1"),
    block=256,
    registers=56,
    shared=64,
    traffic="16 * n",
)

ADD_TOTALS = Kernel(
    name="add_totals",
    source="scan.cu",
    does="sums before each block's numbers, added to those within",
    arguments=(
        Array("offsets", i64, "n+1", written=True),
        Array("before", i64, "n//1024+2"),
        n,
    ),
    grid=Grid("thread", "n + 1"),
    block=256,
    registers=32,
    traffic="16 * n",
)

LIST_COUNTED = Kernel(
    name="list_counted",
    source="scan.cu",
    does="the places that were counted",
    arguments=(Array("offsets", i64, "n+1"), Array("places", i64, "found", written=True), n),
    grid=Grid("thread", "n"),
    block=256,
    registers=32,
    traffic="8 * (n + found)",
)

LIST_RANGES = Kernel(
    name="list_ranges",
    source="scan.cu",
    does="ranges laid end to end",
    arguments=(
        Array("start", i64, "n"),
        Array("offsets", i64, "n+1"),
        Array("which", i64, "total", written=True),
        Array("position", i64, "total", written=True),
        n,
        total,
    ),
    grid=Grid("thread", "total"),
    block=256,
    registers=32,
    traffic="16 * (n + total)",
)

JOIN_ROWS = Kernel(
    name="join_rows",
    source="scan.cu",
    does="the first ids of every row, laid end to end",
    templates={"Id": INTS},
    arguments=(
        Array("rows", "Id", "B width"),
        Array("offsets", i64, "B+1"),
        Array("skip", torch.bool, "B", optional=True),
        Array("ids", i64, "found", written=True),
        B,
        width,
    ),
    grid=Grid("warp", "B"),
    block=256,
    registers=48,
    traffic="(Id + 8) * found",
)

COUNT_DIGITS = Kernel(
    name="count_digits",
    source="radix_sort.cu",
    does="how often each digit stands in each chunk of keys",
    templates={"Key": INTS},
    arguments=(Array("keys", "Key", "L N"), Array("counts", i64, "L 256 chunks", written=True), L, N, chunks, shift),
    grid=Grid("block", "chunks", rows="L"),
    registers=40,
    shared=1024,
    traffic="Key * L * N + 2048 * L * chunks",
)

MOVE_BY_DIGIT = Kernel(
    name="move_by_digit",
    source="radix_sort.cu",
    does="keys and values in the order of a digit, stably",
    templates={"Key": INTS},
    arguments=(
        Array("keys", "Key", "L N"),
        Array("values", i32, "L N", optional=True),
        Array("starts", i64, "L*256*chunks+1"),
        Array("sorted", "Key", "L N", written=True),
        Array("moved", i32, "L N", written=True, optional=True),
        L,
        N,
        chunks,
        shift,
    ),
    grid=Grid("block", "chunks", rows="L"),
    registers=48,
    shared=8192,
    traffic="(2 * Key + 8) * L * N + 2048 * L * chunks",
)

FIND_BOUNDS = Kernel(
    name="find_bounds",
    source="radix_sort.cu",
    does="how many keys are below each multiple",
    templates={"Key": INTS},
    arguments=(
        Array("keys", "Key", "L N"),
        Array("bounds", "Key", "L C+1", written=True),
        L,
        N,
        C,
        step,
    ),
    grid=Grid("thread", "L * (C + 1)"),
    registers=32,
    traffic="Key * (L * N + L * C)",
)

MARK_FIRST = Kernel(
    name="mark_first",
    source="radix_sort.cu",
    does="where a key differs from the one before",
    arguments=(Array("keys", i64, "N"), Array("first", i64, "N", written=True), N),
    grid=Grid("thread", "N"),
    registers=32,
    traffic="16 * N",
)

CHECK_SETS = Kernel(
    name="check_sets",
    source="sets.cu",
    does="whether ids are in bounds and offsets rise",
    arguments=(
        Array("ids", i64, "n"),
        Array("offsets", i64, "S", optional=True),
        Array("fits", i32, "1", written=True),
        n,
        Scalar("S"),
        Scalar("below"),
    ),
    grid=Grid("thread", "n + S"),
    block=256,
    registers=32,
    traffic="8 * (n + S)",
)

MARK_MEMBERS = Kernel(
    name="mark_members",
    source="sets.cu",
    does="a map of bits of the ids in a list",
    arguments=(Array("ids", i64, "n"), Array("bits", i32, "W", written=True), n),
    grid=Grid("thread", "n"),
    block=256,
    registers=32,
    traffic="12 * n",
)

COUNT_MEMBERS = Kernel(
    name="count_members",
    source="sets.cu",
    does="set bits of every word",
    arguments=(Array("bits", i32, "W"), Array("counts", i64, "W", written=True), W),
    grid=Grid("thread", "W"),
    block=256,
    registers=32,
    traffic="12 * W",
)

LIST_MEMBERS = Kernel(
    name="list_members",
    source="sets.cu",
    does="the ids whose bits are set",
    arguments=(Array("bits", i32, "W"), Array("offsets", i64, "W+1"), Array("members", i64, "U", written=True), W),
    grid=Grid("thread", "W"),
    block=256,
    registers=32,
    traffic="12 * W + 8 * U",
)

RANK_MEMBERS = Kernel(
    name="rank_members",
    source="sets.cu",
    does="how many members are below each id",
    arguments=(
        Array("ids", i64, "n"),
        Array("bits", i32, "W"),
        Array("offsets", i64, "W+1"),
        Array("positions", i64, "n", written=True),
        n,
        W,
    ),
    grid=Grid("thread", "n"),
    block=256,
    registers=32,
    traffic="28 * n",
)

FIND_MEMBERS = Kernel(
    name="find_members",
    source="sets.cu",
    does="whether samples' sets hold ids",
    arguments=(
        Array("set_ids", i64, "E"),
        Array("set_offsets", i64, "B+1"),
        Array("sample", i64, "n"),
        Array("ids", i64, "n"),
        Array("found", torch.bool, "n", written=True),
        n,
        B,
    ),
    grid=Grid("thread", "n"),
    block=256,
    registers=32,
    traffic="17 * n + 8 * E",
)

COMPARE_CODES = Kernel(
    name="compare_codes",
    source="rows.cu",
    does="which rows' codes differ",
    arguments=(Array("codes", i32, "N L"), Array("known", i32, "N L"), Array("differs", i64, "N", written=True), N, L),
    grid=Grid("warp", "N"),
    registers=48,
    traffic="8 * N * L + 8 * N",
)

COMPARE_COPIES = Kernel(
    name="compare_copies",
    source="rows.cu",
    does="how far rows are from their copies, and which are too far",
    templates={"T": FLOATS},
    arguments=(
        Array("weight", "T", "N D"),
        Array("held", "T", "N D"),
        Array("ids", i64, "n"),
        Array("limit", "T", "R"),
        Array("moved", "T", "n", written=True),
        Array("far", i64, "n", written=True),
        n,
        D,
        R,
    ),
    grid=Grid("warp", "n"),
    registers=64,
    traffic="2 * T * n * D + (16 + T) * n + T * R",
    flops="3 * n * D",
)

LOCATE_BUCKETS = Kernel(
    name="locate_buckets",
    source="lookup.cu",
    does="where the buckets of queries lie",
    arguments=(
        Array("codes", i32, "B T"),
        Array("tables", i64, "B T"),
        Array("offsets", i32, "L C1"),
        Array("side_offsets", i32, "L C1", optional=True),
        Array("window", torch.float32, "B T", optional=True),
        Array("spans", i64, "B T 4", written=True),
        B,
        T,
        L,
        Scalar("C1"),
        N,
        M,
        Scalar("cap"),
    ),
    grid=Grid("thread", "B * T"),
    registers=32,
    traffic="(12 + 16 + 32) * B * T",
)

_BUCKETS = (
    Array("spans", i64, "B T 4"),
    Array("items", i32, "L N"),
    Array("side_items", i32, "L M", optional=True),
    Array("hidden", torch.bool, "N", optional=True),
)

COLLECT_ITEMS = Kernel(
    name="collect_items",
    source="lookup.cu",
    does="distinct items of the buckets that queries visit, in shared memory",
    arguments=(
        *_BUCKETS,
        Array("lists", i32, f"B {LIST}", written=True),
        Array("found", i64, "B", written=True),
        Array("overflows", torch.bool, "B", written=True),
        B,
        T,
        min_count,
        enough,
    ),
    grid=Grid("block", "B"),
    registers=80,
    shared=8 * 2 * LIST + 8,
    traffic="32 * B * T",
)

COLLECT_OVERFLOW = Kernel(
    name="collect_overflow",
    source="lookup.cu",
    does="distinct items of queries with many, in global memory",
    arguments=(
        *_BUCKETS,
        Array("overflows", torch.bool, "B"),
        Array("counts", i32, "S N", written=True),
        Array("found", i64, "B", written=True, optional=True),
        Array("offsets", i64, "B+1", optional=True),
        Array("ids", i64, "E", written=True, optional=True),
        B,
        T,
        S,
        N,
        min_count,
        enough,
    ),
    grid=Grid("block", "S"),
    registers=56,
    shared=40,
    traffic="B",
)

SCORE_CANDIDATES = Kernel(
    name="score_candidates",
    source="best.cu",
    does="scores of each sample's candidates",
    templates={"T W": (*SUMMED, *((dtype, torch.bfloat16) for dtype in FLOATS))},
    arguments=(
        Array("x", "T", "B D"),
        Array("weight", "W", "N D"),
        Array("bias", "T", "N"),
        Array("ids", i64, "n"),
        Array("offsets", i64, "B+1"),
        Array("scores", "T", "n", written=True),
        n,
        B,
        N,
        D,
    ),
    grid=Grid("warp", "n"),
    registers=64,
    traffic="T * (B * D + 2 * n) + W * n * D + 8 * n",
    flops="2 * n * D",
)

ESTIMATE_SCORES = Kernel(
    name="estimate_scores",
    source="best.cu",
    does="scores of candidates as estimated from digests",
    arguments=(
        Array("sketches", i32, "B 3"),
        Array("digests", i32, "N 4"),
        Array("cosine", torch.float32, "97"),
        Array("radius", torch.float32, "B", optional=True),
        Array("ids", i64, "n"),
        Array("offsets", i64, "B+1"),
        Array("scores", torch.float32, "n", written=True),
        n,
        B,
        N,
    ),
    grid=Grid("thread", "n"),
    registers=32,
    traffic="28 * n",
    flops="3 * n",
)

SELECT_BEST = Kernel(
    name="select_best",
    source="best.cu",
    does="the candidates of each sample with the largest scores",
    templates={"T": FLOATS},
    arguments=(
        Array("scores", "T", "n"),
        Array("ids", i64, "n", optional=True),
        Array("offsets", i64, "B+1"),
        Array("kept", i64, "B keep", written=True),
        Array("kept_scores", "T", "B keep", written=True, optional=True),
        Array("found", i64, "B", written=True),
        B,
        keep,
        Scalar("first_id"),
    ),
    grid=Grid("block", "B"),
    registers=64,
    shared=1072,
    traffic="T * n + 8 * n + 8 * B * keep",
)

ORDER_BEST = Kernel(
    name="order_best",
    source="best.cu",
    does="rows of ids, the largest score first",
    templates={"T": FLOATS},
    arguments=(
        Array("scores", "T", "B k"),
        Array("ids", i64, "B k"),
        Array("ordered", i64, "B k", written=True),
        B,
        k,
    ),
    grid=Grid("block", "B"),
    registers=32,
    traffic="(T + 16) * B * k",
)

SKETCH_CODES = Kernel(
    name="sketch_codes",
    source="shortlist.cu",
    does="some bits of codes, side by side",
    arguments=(Array("codes", i32, "N L"), Array("sketches", i32, "N 3", written=True), N, L, taken, bits),
    grid=Grid("thread", "N * 3"),
    registers=48,
    traffic="4 * N * (L + 3)",
)

DESCRIBE_ROWS = Kernel(
    name="describe_rows",
    source="shortlist.cu",
    does="digests of rows: sketch, norm and prior",
    templates={"T": FLOATS},
    arguments=(
        Array("weight", "T", "N D"),
        Array("codes", i32, "N L"),
        Array("centre", "T", "D"),
        Array("direction", "T", "D"),
        Array("digests", i32, "N 4", written=True),
        N,
        D,
        L,
        taken,
        bits,
    ),
    grid=Grid("warp", "N"),
    registers=64,
    traffic="T * N * D + 4 * N * (L + 4)",
    flops="5 * N * D",
)

HADAMARD_SIMHASH = Kernel(
    name="hadamard_simhash",
    source="hadamard.cu",
    does="codes from the signs of fast Hadamard transforms",
    templates={"T": FLOATS},
    arguments=(
        Array("x", "T", "N D"),
        Array("signs", "T", "R 2 P"),
        Array("offset", "T", "L*K", optional=True),
        Array("codes", i32, "N L", written=True),
        N,
        D,
        R,
        P,
        L,
        K,
    ),
    grid=Grid("block", "N"),
    block=256,
    dynamic="T * P + 4 * ((L * K + 31) // 32)",
    registers=64,
    traffic="T * N * D + 4 * N * L",
)

WTA = Kernel(
    name="wta",
    source="wta.cu",
    does="codes from the winners of bins",
    templates={"T": FLOATS},
    arguments=(
        Array("x", "T", "N D"),
        Array("centre", "T", "D", optional=True),
        Array("coordinates", i32, "bins S"),
        Array("probes", i32, "bins 2", optional=True),
        Array("codes", i32, "N L", written=True),
        N,
        D,
        bins,
        S,
        L,
        bits,
    ),
    grid=Grid("warp", "N"),
    dynamic="4 * 4 * bins",
    registers=40,
    traffic="T * N * D + 4 * bins * S + 4 * N * L",
)

DWTA_CSR = Kernel(
    name="dwta_csr",
    source="wta.cu",
    does="codes from the winners of bins, of sparse rows",
    templates={"T": FLOATS},
    arguments=(
        Array("indices", i64, "E"),
        Array("values", "T", "E"),
        Array("offsets", i64, "N+1"),
        Array("slots", i64, "bins*S"),
        Array("slot_offsets", i64, "D1"),
        Array("probes", i32, "bins 2"),
        Array("codes", i32, "N L", written=True),
        N,
        bins,
        S,
        L,
        bits,
    ),
    grid=Grid("block", "N"),
    dynamic="12 * bins",
    registers=40,
    traffic="(8 + T) * E + 8 * bins * S + 4 * N * L",
)

LISTS = (SCAN, ADD_TOTALS, LIST_COUNTED, LIST_RANGES, JOIN_ROWS)
SORTS = (COUNT_DIGITS, MOVE_BY_DIGIT, FIND_BOUNDS, MARK_FIRST)
SETS = (CHECK_SETS, MARK_MEMBERS, COUNT_MEMBERS, LIST_MEMBERS, RANK_MEMBERS, FIND_MEMBERS)
TABLES = (COMPARE_CODES, COMPARE_COPIES, LOCATE_BUCKETS, COLLECT_ITEMS, COLLECT_OVERFLOW)
BEST = (SCORE_CANDIDATES, ESTIMATE_SCORES, SELECT_BEST, ORDER_BEST, SKETCH_CODES, DESCRIBE_ROWS)
HASHING = (*LISTS, *SORTS, *SETS, *TABLES, *BEST, HADAMARD_SIMHASH, WTA, DWTA_CSR)
# --- end of hashing, tables and retrieval ---

# --- attention ---
S, m, r = (Scalar(name) for name in "Smr")
X_T = {"X T": (*SUMMED, (torch.bfloat16, torch.float32))}  # how rows are stored, and in what they are summed
PLACES = (Array("order", i32, "N R S"), Array("marks", i64, "N S R"))
ROUND = (S, E, R, m, r, Scalar("scale", torch.float64), Scalar("causal", torch.bool))
OF_BLOCK = "(32 + 32 * (2 // X))"  # rows: 64 in bfloat16, which goes by matrix units
TILES = Grid("block", f"N * ((S + m - 1) // m) * ((m + {OF_BLOCK} - 1) // {OF_BLOCK})")
TILE = 8 * (34 * (32 + 64) + 32 * 64) + (4 + 8 * 4) * (32 + 64)  # bytes shared: slices, weights; positions, marks

CROSS_POLYTOPE = Kernel(
    name="cross_polytope",
    source="cross_polytope.cu",
    does="codes from the largest of projections, signs counted",
    templates={"T": FLOATS},
    arguments=(
        Array("x", "T", "N D"),
        Array("directions", "T", "D L*P"),
        Array("offset", "T", "L*P", optional=True),
        Array("codes", i32, "N L", written=True),
        N,
        D,
        L,
        P,
    ),
    grid=Grid("block", "(N + 63) // 64 * L"),
    shared=8 * (64 * 34 + 32 * 64),
    registers=168,
    traffic="T * (N * D + D * L * P) + 4 * N * L",
    flops="2 * N * D * L * P",
)

MARK_PLACES = Kernel(
    name="mark_places",
    source="lsh_attention.cu",
    does="chunk and bucket of positions in every round",
    arguments=(
        Array("order", i32, "N R S"),
        Array("codes", i32, "N R S", optional=True),
        Array("marks", i64, "N S R", written=True),
        N,
        R,
        S,
        m,
    ),
    grid=Grid("thread", "N * R * S"),
    registers=40,
    traffic="12 * N * R * S",
)

ROW_PRODUCTS = Kernel(
    name="row_products",
    source="lsh_attention.cu",
    does="inner products of rows with rows",
    templates=X_T,
    arguments=(Array("a", "X", "N E"), Array("b", "X", "N E"), Array("products", "T", "N", written=True), N, E),
    grid=Grid("warp", "N"),
    registers=64,
    traffic="2 * X * N * E + T * N",
    flops="2 * N * E",
)

ATTEND_CHUNKS = Kernel(
    name="attend_chunks",
    source="lsh_attention.cu",
    does="attention within chunks and to those before, of a round",
    templates=X_T,
    arguments=(
        Array("qk", "X", "N S E"),
        Array("v", "X", "N S E"),
        Array("squares", "T", "N S"),
        *PLACES,
        Array("out", "T", "N S E", written=True),
        Array("lse", "T", "N S", written=True),
        *ROUND,
    ),
    grid=TILES,
    shared=TILE + 8 * 2 * 32,
    registers=168,
    traffic="N * S * (2 * E * (X + T) + 3 * T + 4 + 8 * (r + 1))",
    flops="8 * N * S * m * E",
)

OF_PAIRS = (
    *(Array(name, "X", "N S E") for name in ("gradient", "qk", "v")),
    *(Array(name, "T", "N S") for name in ("squares", "centres", "lse")),
    *PLACES,
)

ATTENTION_OF_QUERIES = Kernel(
    name="attention_of_queries",
    source="lsh_attention_backward.cu",
    does="gradients of a round's attention by queries",
    templates=X_T,
    arguments=(*OF_PAIRS, Array("of_qk", "T", "N S E", written=True), *ROUND),
    grid=TILES,
    shared=TILE,
    registers=168,
    traffic="N * S * (E * (3 * X + 2 * T) + 3 * T + 4 + 8 * (r + 1))",
    flops="12 * N * S * m * E",
)

ATTENTION_OF_KEYS = Kernel(
    name="attention_of_keys",
    source="lsh_attention_backward.cu",
    does="gradients of a round's attention by keys and values",
    templates=X_T,
    arguments=(
        *OF_PAIRS,
        Array("of_qk", "T", "N S E", written=True),
        Array("of_v", "T", "N S E", written=True),
        *ROUND,
    ),
    grid=TILES,
    shared=TILE + 8 * 32,
    registers=224,
    traffic="N * S * (E * (3 * X + 4 * T) + 3 * T + 4 + 8 * (r + 1))",
    flops="16 * N * S * m * E",
)

ATTENTION = (CROSS_POLYTOPE, MARK_PLACES, ROW_PRODUCTS, ATTEND_CHUNKS, ATTENTION_OF_QUERIES, ATTENTION_OF_KEYS)
# --- end of attention ---

KERNELS = {kernel.name: kernel for kernel in (SIMHASH, SPARSE_SIMHASH, BIT_DISTANCE, *TRAINING, *HASHING, *ATTENTION)}
