// Cross-polytope codes: the corner ±e_j that a row's projections are nearest to.
//
// The product of rows and directions goes by tiles: a block takes 64 rows and, in turn, 128 directions (64 in float64) of
// a table; a thread has the sums of eight rows with eight (four) of them in registers, and the best corner of each row.
#include "tile.cuh"

constexpr int ROWS = 64, DOWN = 8, ACROSS = 16, THREADS = DOWN * ACROSS;  // threads of a block, beside and above another
constexpr int OWN = ROWS / DOWN;                                         // rows of a thread, every eighth
constexpr int SLICE = 32;                                                // coordinates at hand at a time
template <class T>
constexpr int STRIDE = SLICE + WIDE<T>;  // of rows of a slice: vectors of four rows lie in different banks
template <class T>
constexpr int EACH = 2 * WIDE<T>;  // directions of a thread
template <class T>
constexpr int COLUMNS = ACROSS * EACH<T>;

// The best corner so far, and what speaks for it: of equal ones the lowest.
template <class T>
struct Corner {
    T value = -infinity<T>();
    int code = 0;

    __device__ void meet(T other, int at) {
        if (other > value || (other == value && at < code)) value = other, code = at;
    }
    // The nearer of e_j and −e_j, of which the first is 0 … P − 1.
    __device__ void meet_both(T projection, int j, int P) {
        meet(projection < 0 ? -projection : projection, projection < 0 ? P + j : j);
    }
};

// Of threads side by side: those of a row.
template <class T>
__device__ inline Corner<T> best_across(Corner<T> best) {
    for (int with = ACROSS / 2; with > 0; with /= 2) {
        const T value = __shfl_xor_sync(ALL_LANES, best.value, with);
        const int code = __shfl_xor_sync(ALL_LANES, best.code, with);
        best.meet(value, code);
    }
    return best;
}

// slice[i, d] = x[i, d], i < ROWS, d < SLICE; 0 beyond what there is. x […, D].
template <class T>
__device__ void take_rows(const T* x, int64_t rows, int64_t coordinates, int64_t D, bool vectors, T* slice) {
    constexpr int OF_ROW = SLICE / WIDE<T>;
    for (int k = threadIdx.x; k < ROWS * OF_ROW; k += THREADS) {
        const int i = k / OF_ROW, d = k % OF_ROW * WIDE<T>;
        copy_vector(x + i * D + d, i < rows ? coordinates - d : 0, vectors, slice + i * STRIDE<T> + d);
    }
}

// slice[d, j] = directions[d, j], d < SLICE, j < COLUMNS; 0 beyond what there is. directions […, stride].
template <class T>
__device__ void take_directions(const T* directions, int64_t coordinates, int64_t columns, int64_t stride, bool vectors,
                                T* slice) {
    constexpr int OF_ROW = COLUMNS<T> / WIDE<T>;
    for (int k = threadIdx.x; k < SLICE * OF_ROW; k += THREADS) {
        const int d = k / OF_ROW, j = k % OF_ROW * WIDE<T>;
        copy_vector(directions + d * stride + j, d < coordinates ? columns - j : 0, vectors, slice + d * COLUMNS<T> + j);
    }
}

// Where the j-th of a thread's directions stands among the block's: vectors of neighbours are neighbours.
template <class T>
__device__ inline int column(int j) {
    return j / WIDE<T> * ACROSS * WIDE<T> + threadIdx.x % ACROSS * WIDE<T> + j % WIDE<T>;
}

// sum[i][j] += Σ_d row_i[d] column_j[d], in the order of d; d < count, and beyond to a whole vector, where all is 0.
template <class T>
__device__ inline void add_products(const T* row_slice, const T* column_slice, int count, T (&sum)[OWN][EACH<T>]) {
    const int down = threadIdx.x / ACROSS;
#pragma unroll 1
    for (int d = 0; d < count; d += WIDE<T>) {
        Numbers<T> x[OWN];
        for (int i = 0; i < OWN; i++)
            x[i] = numbers_at(row_slice + (down + i * DOWN) * STRIDE<T> + d);
        for (int e = 0; e < WIDE<T>; e++) {
            Numbers<T> y[2];
            for (int v = 0; v < 2; v++)
                y[v] = numbers_at(column_slice + (d + e) * COLUMNS<T> + column<T>(v * WIDE<T>));
            for (int i = 0; i < OWN; i++)
                for (int j = 0; j < EACH<T>; j++)
                    sum[i][j] = fma(x[i].of[e], y[j / WIDE<T>].of[j % WIDE<T>], sum[i][j]);
        }
    }
}

// codes[n, l] = the place of the largest entry of [p; −p], the first of equals; p_j = x_n · direction_{l·P + j} −
// offset_{l·P + j}, j = 0 … P − 1. Sums go in the order of the coordinates.
//
// x [N, D], directions [D, L·P], offset [L·P] or null, codes [N, L].
template <class T>
__global__ void __launch_bounds__(128, 3)
    cross_polytope(const T* __restrict__ x, const T* __restrict__ directions, const T* __restrict__ offset,
                   int* __restrict__ codes, int64_t N, int64_t D, int64_t L, int64_t P) {
    SHARED_TILE(T, row_slice, ROWS* STRIDE<T>);
    SHARED_TILE(T, column_slice, SLICE* COLUMNS<T>);
    const int64_t first = blockIdx.x / L * ROWS, l = blockIdx.x % L;
    x += first * D, directions += l * P;
    const bool rows_in_vectors = in_vectors(x, D), columns_in_vectors = in_vectors(directions, L * P);
    Corner<T> best[OWN];
    for (int64_t from = 0; from < P; from += COLUMNS<T>) {
        T sum[OWN][EACH<T>] = {};
        for (int64_t d = 0; d < D; d += SLICE) {
            __syncthreads();  // the slices before have been read
            take_rows(x + d, N - first, D - d, D, rows_in_vectors, row_slice);
            take_directions(directions + d * L * P + from, D - d, P - from, L * P, columns_in_vectors, column_slice);
            wait_for_copies();
            __syncthreads();
            add_products(row_slice, column_slice, int(min(int64_t(SLICE), D - d)), sum);
        }
        for (int j = 0; j < EACH<T>; j++) {
            const int64_t at = from + column<T>(j);
            if (at >= P) continue;
            const T shift = offset ? offset[l * P + at] : T(0);
            for (int i = 0; i < OWN; i++) best[i].meet_both(sum[i][j] - shift, int(at), int(P));
        }
    }
    for (int i = 0; i < OWN; i++) {
        const int code = best_across(best[i]).code;
        const int64_t n = first + threadIdx.x / ACROSS + i * DOWN;
        if (threadIdx.x % ACROSS == 0 && n < N) codes[n * L + l] = code;
    }
}
