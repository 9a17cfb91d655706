// LSH attention by ordinary registers, for float32 and float64: a warp takes eight of 32 rows, a lane every 32nd of 64
// columns of each, so that what is found of a row stays in a warp.
#pragma once
#include "lsh_attention.cuh"
#include "tile.cuh"

namespace registers {

constexpr int ROWS = 32, COLUMNS = 64;
constexpr int OWN = ROWS * WARP / THREADS, EACH = COLUMNS / WARP;  // rows of a warp, columns of a lane
constexpr int SLICE = WARP;                                       // coordinates at hand at a time
template <class T>
constexpr int STRIDE = SLICE + WIDE<T>;  // vectors of eight rows lie in different banks

__device__ inline int first_own() { return threadIdx.x / WARP * OWN; }

struct Layout {
    static constexpr int ROWS = registers::ROWS, COLUMNS = registers::COLUMNS;
    static constexpr int OWN = registers::OWN, EACH = registers::EACH;

    __device__ static int row(int i) { return first_own() + i; }
    __device__ static int column(int j) { return lane_id() + j * WARP; }
};

// The place of a thread's i-th row and j-th column among the block's, [ROWS, COLUMNS].
__device__ inline int place(int i, int j) { return (first_own() + i) * COLUMNS + lane_id() + j * WARP; }

// slice[i, d] = x[positions[i], from + d], 0 where there is none; i < SIZE; x [S, E] of a head. Every thread calls it.
template <int SIZE, class T>
__device__ void take_slice(const T* x, const int* positions, int64_t from, int64_t E, T* slice) {
    constexpr int OF_ROW = SLICE / WIDE<T>;
    const bool vectors = in_vectors(x, E);
    for (int k = threadIdx.x; k < SIZE * OF_ROW; k += THREADS) {
        const int i = k / OF_ROW, d = k % OF_ROW * WIDE<T>, position = positions[i];
        const int64_t count = position >= 0 ? E - from - d : 0;
        copy_vector(x + max(position, 0) * E + from + d, count, vectors, slice + i * STRIDE<T> + d);
    }
}

// dots[i][j] = a of row i · b of column j, rows and columns of this thread. Every thread calls it.
// row_slice [ROWS, STRIDE], column_slice [COLUMNS, STRIDE].
template <class T>
__device__ void multiply(const T* a, const T* b, const int* rows, const int* columns, int64_t E, T* row_slice,
                         T* column_slice, T (&dots)[OWN][EACH]) {
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) dots[i][j] = 0;
    int64_t from = 0;
    do {                  // once, and to a barrier, even where E = 0
        __syncthreads();  // the slices before have been read
        take_slice<ROWS>(a, rows, from, E, row_slice);
        take_slice<COLUMNS>(b, columns, from, E, column_slice);
        wait_for_copies();
        __syncthreads();
        const int width = int(min(int64_t(SLICE), E - from));
#pragma unroll 1  // a vector of each is enough; with more ptxas spills
        for (int d = 0; d < width; d += WIDE<T>) {
            Numbers<T> y[EACH];
            for (int j = 0; j < EACH; j++) y[j] = numbers_at(column_slice + Layout::column(j) * STRIDE<T> + d);
            for (int i = 0; i < OWN; i++) {
                const Numbers<T> x = numbers_at(row_slice + Layout::row(i) * STRIDE<T> + d);
                for (int e = 0; e < WIDE<T>; e++)
                    for (int j = 0; j < EACH; j++) dots[i][j] = fma(x.of[e], y[j].of[e], dots[i][j]);
            }
        }
    } while ((from += SLICE) < E);
}

// put(i, d, Σ_j weights[i, j] x[columns[j], d]) for each of this warp's rows i and every coordinate d of this lane.
// weights [ROWS, COLUMNS], 0 beyond `count` columns; x [S, E] of a head. Every thread calls it.
template <class T, class Put>
__device__ void add_up(const T* x, const int* columns, int count, const T* weights, int64_t E, T* column_slice,
                       const Put& put) {
    for (int64_t from = 0; from < E; from += SLICE) {
        __syncthreads();  // the slice before has been read
        take_slice<COLUMNS>(x, columns, from, E, column_slice);
        wait_for_copies();
        __syncthreads();
        T sum[OWN] = {};
#pragma unroll 1
        for (int j = 0; j < count; j += WIDE<T>) {
            T value[WIDE<T>];
            for (int e = 0; e < WIDE<T>; e++) value[e] = column_slice[(j + e) * STRIDE<T> + lane_id()];
            for (int i = 0; i < OWN; i++) {
                const Numbers<T> weight = numbers_at(weights + Layout::row(i) * COLUMNS + j);
                for (int e = 0; e < WIDE<T>; e++) sum[i] = fma(weight.of[e], value[e], sum[i]);
            }
        }
        for (int i = 0; i < OWN; i++)
            if (from + lane_id() < E) put(i, from + lane_id(), sum[i]);
    }
}

}  // namespace registers
