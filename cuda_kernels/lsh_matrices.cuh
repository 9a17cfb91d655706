// LSH attention by matrix units, for bfloat16: a warp takes 16 of 64 rows, and a lane two rows of these with a quarter of
// the columns, as matrix.cuh spreads products. Scores, weights and sums are float32, in registers; weights are rounded to
// bfloat16 where they are factors. Coordinates come in slices of 64, filled up with zeros.
#pragma once
#include "lsh_attention.cuh"
#include "matrix.cuh"
#include "tile.cuh"

template <class X>
constexpr bool BY_MATRICES = sizeof(X) == sizeof(bfloat16);

namespace matrices {

constexpr int ROWS = THREADS / WARP * SIDE;
constexpr int SLICE = 64, STRIDE = SLICE + WIDE<bfloat16>;  // vectors of eight rows lie in different banks
constexpr int PARTS = SLICE / SIDE;

template <int OF_BLOCK>
struct Layout {
    static constexpr int ROWS = matrices::ROWS, COLUMNS = OF_BLOCK, OWN = 2, EACH = COLUMNS / 4;

    __device__ static int row(int i) { return threadIdx.x / WARP * SIDE + held_row(i); }
    __device__ static int column(int j) { return j / 4 * SIDE + held_column(j / 2 % 2) + j % 2; }
};

// The product of a thread's i-th row and j-th column.
template <int N>
__device__ inline float& at(Product (&products)[N], int i, int j) {
    return products[j / 4].of[j / 2 % 2][2 * i + j % 2];
}

// x [S, E] of a head, positions in it, and where a slice of their rows is held, [size, STRIDE].
struct Side {
    const bfloat16* x;
    const int* positions;
    bfloat16* slice;
};

// slice[i, d] = x[positions[i], from + d], 0 where there is none; i < SIZE. Every thread calls it.
template <int SIZE>
__device__ void take(const Side& side, int64_t from, int64_t E) {
    constexpr int OF_ROW = SLICE / WIDE<bfloat16>;
    const bool vectors = in_vectors(side.x, E);
    for (int k = threadIdx.x; k < SIZE * OF_ROW; k += THREADS) {
        const int i = k / OF_ROW, d = k % OF_ROW * WIDE<bfloat16>, position = side.positions[i];
        const int64_t count = position >= 0 ? E - from - d : 0;
        copy_vector(side.x + max(position, 0) * E + from + d, count, vectors, side.slice + i * STRIDE + d);
    }
}

// Whether this warp has no row.
__device__ inline bool idle(const int* rows) { return rows[threadIdx.x / WARP * SIDE] < 0; }

// Of a slice, where `left` coordinates are left.
__device__ inline int width_of(int64_t left) { return int(min(left, int64_t(SLICE))); }

// dots[k] += a row of rows[k] · a row of columns[k], for this thread's pairs; the last slices stay. Every thread calls it,
// after a barrier. count: of columns. kept: the rows' only slices are there.
template <int COLUMNS, int K>
__device__ void add_dots(const Side (&rows)[K], const Side (&columns)[K], int count, int64_t E, bool kept,
                         Product (&dots)[K][COLUMNS / SIDE]) {
    int64_t from = 0;
    do {  // once, and to a barrier, even where E = 0
        if (from > 0) __syncthreads();  // the slices before have been read
#pragma unroll
        for (int k = 0; k < K; k++) {
            if (!kept) take<ROWS>(rows[k], from, E);
            take<COLUMNS>(columns[k], from, E);
        }
        wait_for_copies();
        __syncthreads();
        const int width = width_of(E - from);
#pragma unroll
        for (int part = 0; part < PARTS; part++)
#pragma unroll
            for (int k = 0; k < K; k++) {
                if (part * SIDE >= width || idle(rows[k].positions)) continue;
                const Factor x = load(rows[k].slice + threadIdx.x / WARP * SIDE * STRIDE + part * SIDE, STRIDE);
#pragma unroll
                for (int n = 0; n < COLUMNS / SIDE; n++)
                    if (n * SIDE < count)
                        add_product(dots[k][n], x, load(columns[k].slice + n * SIDE * STRIDE + part * SIDE, STRIDE));
            }
        from += SLICE;
    } while (from < E);
}

// sums[part] += Σ_j weights[., j] slice[j, part], for this warp's rows. count: of columns j. width: of the slice.
template <int N>
__device__ void add_up(const Product (&weights)[N], const bfloat16* slice, int count, int width,
                       Product (&sums)[PARTS]) {
#pragma unroll
    for (int n = 0; n < N; n++) {
        if (n * SIDE >= count) continue;
        const Factor x = rounded(weights[n]);
#pragma unroll
        for (int part = 0; part < PARTS; part++)
            if (part * SIDE < width)
                add_product(sums[part], x, load_transposed(slice + n * SIDE * STRIDE + part * SIDE, STRIDE));
    }
}

// into[row, d] = change(i, row · E + d, into[row, d], sum) for this thread's sums of coordinates d from `to` on.
template <class Change>
__device__ void put(const Product (&sums)[PARTS], const int* rows, int64_t to, int64_t E, float* into,
                    const Change& change) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const int row = rows[Layout<SIDE>::row(i)];
        if (row < 0) continue;
#pragma unroll
        for (int k = 0; k < 2 * PARTS; k++) {
            const float* const of = sums[k / 2].of[k % 2] + 2 * i;
            const int64_t d = to + k / 2 * SIDE + held_column(k % 2), first = row * E + d;
            if (d + 1 < E && E % 2 == 0) {
                float2& pair = *reinterpret_cast<float2*>(into + first);
                const float2 old = pair;
                pair = {change(i, first, old.x, of[0]), change(i, first + 1, old.y, of[1])};
            } else {
#pragma unroll
                for (int q = 0; q < 2; q++)
                    if (d + q < E) into[first + q] = change(i, first + q, into[first + q], of[q]);
            }
        }
    }
}

// Over the four lanes that have a row.
__device__ inline float sum_of_row(float value) {
    value += __shfl_xor_sync(ALL_LANES, value, 1);
    return value + __shfl_xor_sync(ALL_LANES, value, 2);
}

__device__ inline float largest_of_row(float value) {
    value = max(value, __shfl_xor_sync(ALL_LANES, value, 1));
    return max(value, __shfl_xor_sync(ALL_LANES, value, 2));
}

}  // namespace matrices
