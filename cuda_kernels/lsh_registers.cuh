// LSH attention by ordinary registers, for float32 and float64: a warp takes eight of 32 rows, a lane every 32nd of 64
// columns of each, so that what is found of a row stays in a warp.
#pragma once
#include "lsh_attention.cuh"

namespace registers {

constexpr int ROWS = 32, COLUMNS = 64;
constexpr int OWN = ROWS * WARP / THREADS, EACH = COLUMNS / WARP;  // rows of a warp, columns of a lane
constexpr int SLICE = 32, STRIDE = SLICE + 1;                     // coordinates at hand at a time, in different banks

__device__ inline int first_own() { return threadIdx.x / WARP * OWN; }

struct Layout {
    static constexpr int ROWS = registers::ROWS, COLUMNS = registers::COLUMNS;
    static constexpr int OWN = registers::OWN, EACH = registers::EACH;

    __device__ static int row(int i) { return first_own() + i; }
    __device__ static int column(int j) { return lane_id() + j * WARP; }
};

// The place of a thread's i-th row and j-th column among the block's, [ROWS, COLUMNS].
__device__ inline int place(int i, int j) { return (first_own() + i) * COLUMNS + lane_id() + j * WARP; }

// slice[i, d] = x[positions[i], from + d], 0 where there is none; x [S, E] of a head.
template <class T>
__device__ void take_slice(const T* x, const int* positions, int size, int64_t from, int64_t E, T* slice) {
    for (int k = threadIdx.x; k < size * SLICE; k += THREADS) {
        const int i = k / SLICE;
        const int64_t d = from + k % SLICE;
        slice[i * STRIDE + k % SLICE] = positions[i] >= 0 && d < E ? x[positions[i] * E + d] : T(0);
    }
}

// dots[i][j] = a of row i · b of column j, rows and columns of this thread. Every thread calls it.
template <class T>
__device__ void multiply(const T* a, const T* b, const int* rows, const int* columns, int64_t E, T (&dots)[OWN][EACH]) {
    SHARED_ARRAY(T, row_slice, ROWS* STRIDE);
    SHARED_ARRAY(T, column_slice, COLUMNS* STRIDE);
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) dots[i][j] = 0;
    int64_t from = 0;
    do {                  // once, and to a barrier, even where E = 0
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
    } while ((from += SLICE) < E);
}

// put(i, d, Σ_j weights[i, j] x[columns[j], d]) for each of this warp's rows i and every coordinate d of this lane.
// weights: of the warp's first row, COLUMNS a row; x [S, E] of a head.
template <class T, class Put>
__device__ void add_up(const T* x, const int* columns, int count, const T* weights, int64_t E, const Put& put) {
    constexpr int WIDE = sizeof(T) > 4 ? 1 : 2;  // coordinates of a lane at a time: what registers hold
    for (int64_t d = lane_id(); d < E; d += WIDE * WARP) {
        T sum[OWN][WIDE] = {};
#pragma unroll 1
        for (int j = 0; j < count; j++) {
            const T* from = x + columns[j] * E + d;
            for (int k = 0; k < WIDE; k++) {
                const T value = d + k * WARP < E ? from[k * WARP] : T(0);
                for (int i = 0; i < OWN; i++) sum[i][k] = fma(weights[i * COLUMNS + j], value, sum[i][k]);
            }
        }
        for (int i = 0; i < OWN; i++)
            for (int k = 0; k < WIDE; k++)
                if (d + k * WARP < E) put(i, d + k * WARP, sum[i][k]);
    }
}

}  // namespace registers
