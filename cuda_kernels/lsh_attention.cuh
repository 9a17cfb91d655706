// What the kernels of LSH attention share: a block's rows and columns, their products, and who meets whom.
//
// A block takes up to 32 of the positions of a chunk, its rows, and in turn 64 of the positions that they may meet, its
// columns. A warp takes eight rows, a lane every 32nd column of each: what is found of a row stays in a warp.
// Positions come in the order of a round; −1 is none, and after it come no others.
#pragma once
#include "common.cuh"

constexpr int ROWS = 32, COLUMNS = 64, WARPS = 4, THREADS = WARPS * WARP;
constexpr int OWN = ROWS / WARPS, EACH = COLUMNS / WARP;  // rows of a warp, columns of a lane
constexpr int SLICE = 32, STRIDE = SLICE + 1;             // coordinates at hand at a time, in different banks
constexpr double LEAST_NORM = 1e-6;                       // below it a key is not lengthened to 1

__device__ inline int first_own() { return threadIdx.x / WARP * OWN; }

// Of N heads, R rounds of S positions in chunks of m; a launch does a round, r. E coordinates.
struct Sizes {
    int64_t S, E, R, m, r;

    __device__ int64_t tiles() const { return (m + ROWS - 1) / ROWS; }
    __device__ int64_t chunks() const { return (S + m - 1) / m; }
};

// Where a block stands: head n, chunk c, and places first … end − 1 in the order of the round.
struct Block {
    int64_t n, c, first, end;

    __device__ explicit Block(const Sizes& sizes) {
        const int64_t b = blockIdx.x, tile = b % sizes.tiles();
        c = b / sizes.tiles() % sizes.chunks();
        n = b / sizes.tiles() / sizes.chunks();
        first = c * sizes.m + tile * ROWS;
        end = min(min(first + ROWS, (c + 1) * sizes.m), sizes.S);
    }
};

// positions[i] = order[first + i], −1 from `end` on; i < size. How many there are. Every thread calls it.
__device__ inline int take_positions(const int* order, int64_t first, int64_t end, int size, int* positions) {
    const int i = threadIdx.x;
    const int at = i < size && first + i < end ? order[first + i] : -1;
    __syncthreads();  // what was there has been read
    if (i < size) positions[i] = at;
    return __syncthreads_count(at >= 0);
}

// slice[i, d] = x[positions[i], from + d], 0 where there is none; x [S, E] of a head.
template <class X, class T>
__device__ void take_slice(const X* x, const int* positions, int size, int64_t from, int64_t E, T* slice) {
    for (int k = threadIdx.x; k < size * SLICE; k += THREADS) {
        const int i = k / SLICE;
        const int64_t d = from + k % SLICE;
        slice[i * STRIDE + k % SLICE] = positions[i] >= 0 && d < E ? T(x[positions[i] * E + d]) : T(0);
    }
}

// dots[i][j] = a of row i · b of column j, rows and columns of this thread. Every thread calls it.
template <class X, class T>
__device__ void multiply(const X* a, const X* b, const int* rows, const int* columns, int64_t E, T (&dots)[OWN][EACH]) {
    SHARED_ARRAY(T, row_slice, ROWS* STRIDE);
    SHARED_ARRAY(T, column_slice, COLUMNS* STRIDE);
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) dots[i][j] = 0;
    for (int64_t from = 0; from < E; from += SLICE) {
        __syncthreads();  // the slices before have been read
        take_slice(a, rows, ROWS, from, E, row_slice);
        take_slice(b, columns, COLUMNS, from, E, column_slice);
        __syncthreads();
        const T *of_row = row_slice + first_own() * STRIDE, *of_column = column_slice + lane_id() * STRIDE;
#pragma unroll 1  // sixteen products at a time are enough; with more ptxas spills
        for (int d = 0; d < int(min(int64_t(SLICE), E - from)); d++)
            for (int j = 0; j < EACH; j++) {
                const T y = of_column[j * WARP * STRIDE + d];
                for (int i = 0; i < OWN; i++) dots[i][j] = fma(of_row[i * STRIDE + d], y, dots[i][j]);
            }
    }
}

// The place of a thread's i-th row and j-th column among the block's, [ROWS, COLUMNS].
__device__ inline int place(int i, int j) { return (first_own() + i) * COLUMNS + lane_id() + j * WARP; }

// Where the i-th of a thread's rows and the j-th of its columns stand in a set of bits.
__device__ inline unsigned bit(int i, int j) { return 1u << (i * EACH + j); }

// Which pairs of a thread's rows and columns meet in round e; rows ask: they are the queries.
//
// marks [S, R] of a head, chunk + 2³² · bucket. In the bucket of the key, and in its chunk or the next, is a query whose
// mark is 0 or 1 more than the key's.
__device__ inline unsigned meetings(const int64_t* marks, int64_t R, int64_t e, bool rows_ask, const int* rows,
                                    const int* columns) {
    unsigned met = 0;
    for (int j = 0; j < EACH; j++) {
        const uint64_t column = marks[max(columns[lane_id() + j * WARP], 0) * R + e];
        for (int i = 0; i < OWN; i++) {
            const uint64_t row = marks[max(rows[first_own() + i], 0) * R + e];
            if ((rows_ask ? row - column : column - row) <= 1) met |= bit(i, j);
        }
    }
    return met;
}

// Which of them meet in round r, and in none before.
__device__ inline unsigned first_meetings(const int64_t* marks, const Sizes& sizes, bool causal, bool rows_ask,
                                          const int* rows, const int* columns) {
    unsigned met = 0;
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) {
            const int row = rows[first_own() + i], column = columns[lane_id() + j * WARP];
            const int query = rows_ask ? row : column, key = rows_ask ? column : row;
            if (query >= 0 && key >= 0 && (causal ? key < query : key != query)) met |= bit(i, j);
        }
    for (int64_t e = 0; e < sizes.r; e++) met &= ~meetings(marks, sizes.R, e, rows_ask, rows, columns);
    return met & meetings(marks, sizes.R, sizes.r, rows_ask, rows, columns);
}

// put(i, d, Σ_j weights[i, j] x[columns[j], d]) for each of this warp's rows i and every coordinate d of this lane.
// weights: of the warp's first row, COLUMNS a row; x [S, E] of a head.
template <class X, class T, class Put>
__device__ void add_up(const X* x, const int* columns, int count, const T* weights, int64_t E, const Put& put) {
    constexpr int WIDE = sizeof(T) > 4 ? 1 : 2;  // coordinates of a lane at a time: what registers hold
    for (int64_t d = lane_id(); d < E; d += WIDE * WARP) {
        T sum[OWN][WIDE] = {};
#pragma unroll 1
        for (int j = 0; j < count; j++) {
            const X* from = x + columns[j] * E + d;
            for (int k = 0; k < WIDE; k++) {
                const T value = d + k * WARP < E ? T(from[k * WARP]) : T(0);
                for (int i = 0; i < OWN; i++) sum[i][k] = fma(weights[i * COLUMNS + j], value, sum[i][k]);
            }
        }
        for (int i = 0; i < OWN; i++)
            for (int k = 0; k < WIDE; k++)
                if (d + k * WARP < E) put(i, d + k * WARP, sum[i][k]);
    }
}

// 1/|k| of a key, from its squared norm.
template <class T>
__device__ inline T inverse_norm(T square) {
    return 1 / max(sqrt(square), T(LEAST_NORM));
}
