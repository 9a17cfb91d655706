// LSH attention, backward: scores are computed again, in the rounds and of the pairs of the forward pass.
//
// What reaches a position is found by blocks of which it is a row: as a query, whose columns are the keys of its chunk
// and of the one before, and as a key, whose columns are the queries of its chunk and of the next. So every sum is one
// block's, in a fixed order, and no atomic operation is needed. Rounds, and the two kernels, are launched in turn.
#include "lsh_matrices.cuh"
#include "lsh_registers.cuh"

namespace registers {

// kept [ROWS, COLUMNS] at this thread's rows and columns.
template <class T>
__device__ void keep(const T (&values)[OWN][EACH], T* kept) {
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) kept[place(i, j)] = values[i][j];
}

template <class T>
__device__ void reach_queries(const T* __restrict__ gradient, const T* __restrict__ qk, const T* __restrict__ v,
                              const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                              const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                              const Sizes& sizes) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_TILE(T, weights, ROWS* COLUMNS);
    SHARED_TILE(T, row_slice, ROWS* STRIDE<T>);
    SHARED_TILE(T, column_slice, COLUMNS* STRIDE<T>);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Layout> meetings{sizes, marks, true, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block

    const int64_t end = min((block.c + 1) * sizes.m, sizes.S);
    int count;
    Tiles<COLUMNS> tiles(order, max((block.c - 1) * sizes.m, int64_t(0)), end);
    while (tiles.next(columns, count)) {
        T inner[OWN][EACH];
        meetings.take(0);
        multiply(qk, qk, rows, columns, E, row_slice, column_slice, inner);
        keep(inner, weights);  // registers are few
        const unsigned met = meetings.first();
        multiply(gradient, v, rows, columns, E, row_slice, column_slice, inner);
        for (int j = 0; j < EACH; j++) {
            const int key = max(columns[lane_id() + j * WARP], 0);
            const T by = T(sizes.scale) * inverse_norm(squares[key]);
            for (int i = 0; i < OWN; i++) {
                const int query = max(rows[first_own() + i], 0);
                T& weight = weights[place(i, j)];
                const Pair<T> pair(weight, inner[i][j], by, lse[query], centres[query]);
                weight = met & bit<Layout>(i, j) ? pair.of_dot : T(0);
            }
        }
        __syncwarp();
        add_up(qk, columns, count, weights, E, column_slice, [&](int i, int64_t d, T sum) {
            const int row = first_own() + i;
            if (rows[row] >= 0) of_qk[rows[row] * E + d] += sum;
        });
    }
}

template <class T>
__device__ void reach_keys(const T* __restrict__ gradient, const T* __restrict__ qk, const T* __restrict__ v,
                           const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                           const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                           T* __restrict__ of_v, const Sizes& sizes) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_TILE(T, weights, ROWS* COLUMNS);
    SHARED_TILE(T, row_slice, ROWS* STRIDE<T>);
    SHARED_TILE(T, column_slice, COLUMNS* STRIDE<T>);
    SHARED_ARRAY(T, along, ROWS);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Layout> meetings{sizes, marks, false, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block

    const int64_t end = min((block.c + 2) * sizes.m, sizes.S);
    int count;
    Tiles<COLUMNS> tiles(order, block.c * sizes.m, end);
    while (tiles.next(columns, count)) {
        T inner[OWN][EACH];
        meetings.take(0);
        multiply(qk, qk, rows, columns, E, row_slice, column_slice, inner);
        keep(inner, weights);
        const unsigned met = meetings.first();
        multiply(v, gradient, rows, columns, E, row_slice, column_slice, inner);
        for (int i = 0; i < OWN; i++) {
            const int row = first_own() + i, key = rows[row];
            if (key < 0) continue;  // all lanes of the warp
            const T inverse = inverse_norm(squares[key]);
            T of_length = 0;
            for (int j = 0; j < EACH; j++) {
                const int query = max(columns[lane_id() + j * WARP], 0);
                T& weight = weights[place(i, j)];
                const Pair<T> pair(weight, inner[i][j], T(sizes.scale) * inverse, lse[query], centres[query]);
                inner[i][j] = met & bit<Layout>(i, j) ? pair.of_dot : T(0);
                of_length = fma(inner[i][j], weight, of_length);
                weight = met & bit<Layout>(i, j) ? pair.attention : T(0);
            }
            of_length = warp_sum(of_length);
            if (lane_id() == 0) along[row] = of_length * share_of_length(inverse);
        }
        __syncwarp();
        add_up(gradient, columns, count, weights, E, column_slice, [&](int i, int64_t d, T sum) {
            const int at = rows[first_own() + i];
            if (at >= 0) of_v[at * E + d] += sum;
        });
        __syncwarp();  // the weights have been read
        keep(inner, weights);
        __syncwarp();
        add_up(qk, columns, count, weights, E, column_slice, [&](int i, int64_t d, T sum) {
            const int at = rows[first_own() + i];
            if (at >= 0) of_qk[at * E + d] += sum - along[first_own() + i] * qk[at * E + d];
        });
    }
}

}  // namespace registers

namespace matrices {

constexpr int COLUMNS = 32;  // with more ptxas spills
using Pairs = Layout<COLUMNS>;

// Where columns have several slices, the one from `to` on again. Every thread calls it.
__device__ inline void take_again(const Side& columns, int64_t to, int64_t E) {
    if (E <= SLICE) return;  // all threads of the block
    __syncthreads();         // the last slice has been read
    take<COLUMNS>(columns, to, E);
    wait_for_copies();
    __syncthreads();
}

__device__ inline void reach_queries(const bfloat16* __restrict__ gradient, const bfloat16* __restrict__ qk,
                                     const bfloat16* __restrict__ v, const float* __restrict__ squares,
                                     const float* __restrict__ centres, const float* __restrict__ lse,
                                     const int* __restrict__ order, const int64_t* __restrict__ marks,
                                     float* __restrict__ of_qk, const Sizes& sizes) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_ARRAY(float, by, COLUMNS);
    SHARED_TILE(bfloat16, row_slices, 2 * ROWS * STRIDE);
    SHARED_TILE(bfloat16, column_slices, 2 * COLUMNS * STRIDE);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Pairs> meetings{sizes, marks, true, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block
    const Side queries{qk, rows, row_slices}, gradients{gradient, rows, row_slices + ROWS * STRIDE};
    const Side keys{qk, columns, column_slices}, values{v, columns, column_slices + COLUMNS * STRIDE};
    float of_lse[Pairs::OWN], centre[Pairs::OWN];
#pragma unroll
    for (int i = 0; i < Pairs::OWN; i++) {
        const int query = max(rows[Pairs::row(i)], 0);
        of_lse[i] = lse[query], centre[i] = centres[query];
    }

    const int64_t end = min((block.c + 1) * sizes.m, sizes.S);
    int64_t to = 0;
    bool kept = false;
    do {
        Product sums[PARTS] = {};
        int count;
        Tiles<COLUMNS> tiles(order, max((block.c - 1) * sizes.m, int64_t(0)), end);
        while (tiles.next(columns, count)) {
            if (threadIdx.x < COLUMNS)
                by[threadIdx.x] = float(sizes.scale) * inverse_norm(squares[max(columns[threadIdx.x], 0)]);
            meetings.take(0);
            Product dots[2][COLUMNS / SIDE] = {};
            add_dots<COLUMNS, 2>({queries, gradients}, {keys, values}, count, E, kept, dots);
            kept = E <= SLICE;
            const unsigned met = meetings.first();
            if (!idle(rows)) {
#pragma unroll
                for (int i = 0; i < Pairs::OWN; i++)
#pragma unroll
                    for (int j = 0; j < Pairs::EACH; j++) {
                        float& dot = at(dots[0], i, j);
                        const Pair<float> pair(dot, at(dots[1], i, j), by[Pairs::column(j)], of_lse[i], centre[i]);
                        dot = met & bit<Pairs>(i, j) ? pair.of_dot : 0;
                    }
            }
            take_again(keys, to, E);
            if (!idle(rows)) add_up(dots[0], keys.slice, count, width_of(E - to), sums);
        }
        put(sums, rows, to, E, of_qk, [](int, int64_t, float old, float sum) { return old + sum; });
    } while ((to += SLICE) < E);
}

__device__ inline void reach_keys(const bfloat16* __restrict__ gradient, const bfloat16* __restrict__ qk,
                                  const bfloat16* __restrict__ v, const float* __restrict__ squares,
                                  const float* __restrict__ centres, const float* __restrict__ lse,
                                  const int* __restrict__ order, const int64_t* __restrict__ marks,
                                  float* __restrict__ of_qk, float* __restrict__ of_v, const Sizes& sizes) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_ARRAY(float, of_lse, COLUMNS);
    SHARED_ARRAY(float, centre, COLUMNS);
    SHARED_TILE(bfloat16, row_slices, 2 * ROWS * STRIDE);
    SHARED_TILE(bfloat16, column_slices, 2 * COLUMNS * STRIDE);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Pairs> meetings{sizes, marks, false, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block
    const Side keys{qk, rows, row_slices}, values{v, rows, row_slices + ROWS * STRIDE};
    const Side queries{qk, columns, column_slices}, gradients{gradient, columns, column_slices + COLUMNS * STRIDE};
    float inverse[Pairs::OWN];
#pragma unroll
    for (int i = 0; i < Pairs::OWN; i++) inverse[i] = inverse_norm(squares[max(rows[Pairs::row(i)], 0)]);

    const int64_t end = min((block.c + 2) * sizes.m, sizes.S);
    int64_t to = 0;
    bool kept = false;
    do {
        Product to_keys[PARTS] = {}, to_values[PARTS] = {};
        float along[Pairs::OWN] = {};
        int count;
        Tiles<COLUMNS> tiles(order, block.c * sizes.m, end);
        while (tiles.next(columns, count)) {
            if (threadIdx.x < COLUMNS) {
                const int query = max(columns[threadIdx.x], 0);
                of_lse[threadIdx.x] = lse[query], centre[threadIdx.x] = centres[query];
            }
            meetings.take(0);
            Product dots[2][COLUMNS / SIDE] = {};
            add_dots<COLUMNS, 2>({keys, values}, {queries, gradients}, count, E, kept, dots);
            kept = E <= SLICE;
            const unsigned met = meetings.first();
            if (!idle(rows)) {
#pragma unroll
                for (int i = 0; i < Pairs::OWN; i++)
#pragma unroll
                    for (int j = 0; j < Pairs::EACH; j++) {
                        float &dot = at(dots[0], i, j), &inner = at(dots[1], i, j);
                        const int query = Pairs::column(j);
                        const float by = float(sizes.scale) * inverse[i];
                        const Pair<float> pair(dot, inner, by, of_lse[query], centre[query]);
                        const float of_dot = met & bit<Pairs>(i, j) ? pair.of_dot : 0;
                        along[i] = fma(of_dot, dot, along[i]);
                        dot = of_dot;
                        inner = met & bit<Pairs>(i, j) ? pair.attention : 0;
                    }
            }
            take_again(queries, to, E);
            take_again(gradients, to, E);
            if (idle(rows)) continue;  // all lanes of the warp
            add_up(dots[0], queries.slice, count, width_of(E - to), to_keys);
            add_up(dots[1], gradients.slice, count, width_of(E - to), to_values);
        }
#pragma unroll
        for (int i = 0; i < Pairs::OWN; i++) along[i] = sum_of_row(along[i]) * share_of_length(inverse[i]);
        put(to_values, rows, to, E, of_v, [](int, int64_t, float old, float sum) { return old + sum; });
        put(to_keys, rows, to, E, of_qk,
            [&](int i, int64_t at, float old, float sum) { return old + sum - along[i] * float(qk[at]); });
    } while ((to += SLICE) < E);
}

}  // namespace matrices

// of_qk[n, i] += what reaches the queries of round r: Σ_j of_dot_ij q_j. Shapes as in attend_chunks; gradient [N, S, E];
// centres, lse [N, S].
template <class X, class T>
__global__ void __launch_bounds__(128, BLOCKS<X>)
    attention_of_queries(const X* __restrict__ gradient, const X* __restrict__ qk, const X* __restrict__ v,
                         const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                         const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                         int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale, bool causal) {
    const Sizes sizes{S, E, R, m, r, scale, causal};
    const int64_t n = Block(sizes, BY_MATRICES<X> ? matrices::ROWS : registers::ROWS).n;
    gradient += n * S * E, qk += n * S * E, v += n * S * E, of_qk += n * S * E;
    squares += n * S, centres += n * S, lse += n * S, order += (n * R + r) * S, marks += n * S * R;
    if constexpr (BY_MATRICES<X>)
        matrices::reach_queries(gradient, qk, v, squares, centres, lse, order, marks, of_qk, sizes);
    else
        registers::reach_queries(gradient, qk, v, squares, centres, lse, order, marks, of_qk, sizes);
}

// How many a multiprocessor is to hold: three of matrix units spill before sm_90.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr int BY_MATRICES_HELD = 2;
#else
constexpr int BY_MATRICES_HELD = 3;
#endif

// of_v[n, j] += Σ_i p_ij do_i, and of_qk[n, j] += what reaches the keys k_j = q_j / |q_j| of round r. Shapes as above.
//
// With w_i = of_dot_ij the latter is Σ_i w_i q_i − (Σ_i w_i q_i · q_j) q_j / |q_j|²: what would only change the length of
// the query is taken off, unless it is too short to be lengthened.
template <class X, class T>
__global__ void __launch_bounds__(128, BY_MATRICES<X> ? BY_MATRICES_HELD : BLOCKS<X>)
    attention_of_keys(const X* __restrict__ gradient, const X* __restrict__ qk, const X* __restrict__ v,
                      const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                      const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                      T* __restrict__ of_v, int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale,
                      bool causal) {
    const Sizes sizes{S, E, R, m, r, scale, causal};
    const int64_t n = Block(sizes, BY_MATRICES<X> ? matrices::ROWS : registers::ROWS).n;
    gradient += n * S * E, qk += n * S * E, v += n * S * E, of_qk += n * S * E, of_v += n * S * E;
    squares += n * S, centres += n * S, lse += n * S, order += (n * R + r) * S, marks += n * S * R;
    if constexpr (BY_MATRICES<X>)
        matrices::reach_keys(gradient, qk, v, squares, centres, lse, order, marks, of_qk, of_v, sizes);
    else
        registers::reach_keys(gradient, qk, v, squares, centres, lse, order, marks, of_qk, of_v, sizes);
}
