// LSH attention, backward: scores are computed again, in the rounds and of the pairs of the forward pass.
//
// What reaches a position is found by blocks of which it is a row: as a query, whose columns are the keys of its chunk
// and of the one before, and as a key, whose columns are the queries of its chunk and of the next. So every sum is one
// block's, in a fixed order, and no atomic operation is needed. Rounds, and the two kernels, are launched in turn.
#include "lsh_attention.cuh"

// A query and a key of it: attention p = exp(score − lse), and the gradient by q_i · q_j: by the score it is p (do_i ·
// v_j − centre_i), centre_i = do_i · o_i.
template <class T>
struct Pair {
    T attention, of_dot;

    // dot: q_i · q_j. inner: do_i · v_j. by: scale / |q_j|.
    __device__ Pair(T dot, T inner, T by, T lse, T centre)
        : attention(exp(by * dot - lse)), of_dot(by * attention * (inner - centre)) {}
};

// kept [ROWS, COLUMNS] at this thread's rows and columns.
template <class T>
__device__ void keep(const T (&values)[OWN][EACH], T* kept) {
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < EACH; j++) kept[place(i, j)] = values[i][j];
}

// of_qk[n, i] += what reaches the queries of round r: Σ_j of_dot_ij q_j. Shapes as in attend_chunks; gradient [N, S, E];
// centres, lse [N, S].
template <class X, class T>
__global__ void __launch_bounds__(128, 4)
    attention_of_queries(const X* __restrict__ gradient, const X* __restrict__ qk, const X* __restrict__ v,
                         const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                         const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                         int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale, bool causal) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(T, weights, ROWS* COLUMNS);
    const Sizes sizes{S, E, R, m, r};
    const Block block(sizes);
    order += (block.n * R + r) * S, marks += block.n * S * R;
    squares += block.n * S, centres += block.n * S, lse += block.n * S;
    gradient += block.n * S * E, qk += block.n * S * E, v += block.n * S * E, of_qk += block.n * S * E;
    if (!take_positions(order, block.first, block.end, ROWS, rows)) return;  // all threads of the block

    const int64_t end = min((block.c + 1) * m, S);
    for (int64_t first = max((block.c - 1) * m, int64_t(0)); first < end; first += COLUMNS) {
        const int count = take_positions(order, first, end, COLUMNS, columns);
        T inner[OWN][EACH];
        multiply(qk, qk, rows, columns, E, inner);
        keep(inner, weights);  // registers are few
        const unsigned met = first_meetings(marks, sizes, causal, true, rows, columns);
        multiply(gradient, v, rows, columns, E, inner);
        for (int j = 0; j < EACH; j++) {
            const int key = max(columns[lane_id() + j * WARP], 0);
            const T by = T(scale) * inverse_norm(squares[key]);
            for (int i = 0; i < OWN; i++) {
                const int query = max(rows[first_own() + i], 0);
                T& weight = weights[place(i, j)];
                const Pair<T> pair(weight, inner[i][j], by, lse[query], centres[query]);
                weight = met & bit(i, j) ? pair.of_dot : T(0);
            }
        }
        __syncwarp();
        add_up(qk, columns, count, weights + first_own() * COLUMNS, E, [&](int i, int64_t d, T sum) {
            const int row = first_own() + i;
            if (rows[row] >= 0) of_qk[rows[row] * E + d] += sum;
        });
    }
}

// of_v[n, j] += Σ_i p_ij do_i, and of_qk[n, j] += what reaches the keys k_j = q_j / |q_j| of round r. Shapes as above.
//
// With w_i = of_dot_ij the latter is Σ_i w_i q_i − (Σ_i w_i q_i · q_j) q_j / |q_j|²: what would only change the length of
// the query is taken off, unless it is too short to be lengthened.
template <class X, class T>
__global__ void __launch_bounds__(128, 4)
    attention_of_keys(const X* __restrict__ gradient, const X* __restrict__ qk, const X* __restrict__ v,
                      const T* __restrict__ squares, const T* __restrict__ centres, const T* __restrict__ lse,
                      const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ of_qk,
                      T* __restrict__ of_v, int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale,
                      bool causal) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(T, weights, ROWS* COLUMNS);
    SHARED_ARRAY(T, along, ROWS);
    const Sizes sizes{S, E, R, m, r};
    const Block block(sizes);
    order += (block.n * R + r) * S, marks += block.n * S * R;
    squares += block.n * S, centres += block.n * S, lse += block.n * S;
    gradient += block.n * S * E, qk += block.n * S * E, v += block.n * S * E;
    of_qk += block.n * S * E, of_v += block.n * S * E;
    if (!take_positions(order, block.first, block.end, ROWS, rows)) return;  // all threads of the block

    T* const own = weights + first_own() * COLUMNS;
    const int64_t end = min((block.c + 2) * m, S);
    for (int64_t first = block.c * m; first < end; first += COLUMNS) {
        const int count = take_positions(order, first, end, COLUMNS, columns);
        T inner[OWN][EACH];
        multiply(qk, qk, rows, columns, E, inner);
        keep(inner, weights);
        const unsigned met = first_meetings(marks, sizes, causal, false, rows, columns);
        multiply(v, gradient, rows, columns, E, inner);
        for (int i = 0; i < OWN; i++) {
            const int row = first_own() + i, key = rows[row];
            if (key < 0) continue;  // all lanes of the warp
            const T inverse = inverse_norm(squares[key]);
            T of_length = 0;
            for (int j = 0; j < EACH; j++) {
                const int query = max(columns[lane_id() + j * WARP], 0);
                T& weight = weights[place(i, j)];
                const Pair<T> pair(weight, inner[i][j], T(scale) * inverse, lse[query], centres[query]);
                inner[i][j] = met & bit(i, j) ? pair.of_dot : T(0);
                of_length = fma(inner[i][j], weight, of_length);
                weight = met & bit(i, j) ? pair.attention : T(0);
            }
            of_length = warp_sum(of_length);
            if (lane_id() == 0) along[row] = inverse < T(1 / LEAST_NORM) ? of_length * inverse * inverse : T(0);
        }
        __syncwarp();
        add_up(gradient, columns, count, own, E, [&](int i, int64_t d, T sum) {
            const int at = rows[first_own() + i];
            if (at >= 0) of_v[at * E + d] += sum;
        });
        __syncwarp();  // the weights have been read
        keep(inner, weights);
        __syncwarp();
        add_up(qk, columns, count, own, E, [&](int i, int64_t d, T sum) {
            const int at = rows[first_own() + i];
            if (at >= 0) of_qk[at * E + d] += sum - along[first_own() + i] * T(qk[at * E + d]);
        });
    }
}
