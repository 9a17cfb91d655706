// LSH attention, forward: positions attend to their chunk, and to the one before, in the order of every round.
//
// A pair that meets in several rounds counts in the first of them: the union over rounds is summed as what is new in
// each. Rounds are launches after one another; each finds what it adds to output and log-sum-exp of a position in one
// block, so that there is no atomic operation and only one output, however many rounds there are.
#include "lsh_matrices.cuh"
#include "lsh_registers.cuh"

// marks[n, order[n, r, s], r] = s / m + 2³² · codes[n, r, order[n, r, s]]; order [N, R, S], codes as it or null: 0.
// A thread takes a place; marks of positions that have none are left alone.
__global__ void __launch_bounds__(128)
    mark_places(const int* __restrict__ order, const int* __restrict__ codes, int64_t* __restrict__ marks, int64_t N,
                int64_t R, int64_t S, int64_t m) {
    const int64_t i = thread_id();
    if (i >= N * R * S || order[i] < 0) return;
    const int64_t list = i / S, code = codes ? codes[list * S + order[i]] : 0;
    marks[(list / R * S + order[i]) * R + list % R] = code * (int64_t(1) << 32) + i % S / m;
}

// products[n] = a_n · b_n, [N, E]; a warp takes a row.
template <class X, class T>
__global__ void __launch_bounds__(128)
    row_products(const X* __restrict__ a, const X* __restrict__ b, T* __restrict__ products, int64_t N, int64_t E) {
    const int64_t n = warp_id();
    if (n >= N) return;  // all lanes of the warp
    T sum = 0;
    for (int64_t d = lane_id(); d < E; d += WARP) sum = fma(T(a[n * E + d]), T(b[n * E + d]), sum);
    sum = warp_sum(sum);
    if (lane_id() == 0) products[n] = sum;
}

namespace registers {

// A tile of columns changes output and log-sum-exp of the rows, one after another.
template <class T>
__device__ void attend(const T* __restrict__ qk, const T* __restrict__ v, const T* __restrict__ squares,
                       const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ out,
                       T* __restrict__ lse, const Sizes& sizes) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_TILE(T, weights, ROWS* COLUMNS);
    SHARED_TILE(T, row_slice, ROWS* STRIDE<T>);
    SHARED_TILE(T, column_slice, COLUMNS* STRIDE<T>);
    SHARED_ARRAY(T, kept, ROWS);
    SHARED_ARRAY(T, share, ROWS);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Layout> meetings{sizes, marks, true, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block

    const int64_t end = min((block.c + 1) * sizes.m, sizes.S);
    int count;
    Tiles<COLUMNS> tiles(order, max((block.c - 1) * sizes.m, int64_t(0)), end);
    while (tiles.next(columns, count)) {
        T scores[OWN][EACH];
        meetings.take(0);
        multiply(qk, qk, rows, columns, E, row_slice, column_slice, scores);
        const unsigned met = meetings.first();
        T length[EACH];
        for (int j = 0; j < EACH; j++)
            length[j] = T(sizes.scale) * inverse_norm(squares[max(columns[lane_id() + j * WARP], 0)]);
        for (int i = 0; i < OWN; i++) {
            const int row = first_own() + i;
            if (rows[row] < 0) continue;  // all lanes of the warp
            T largest = -infinity<T>(), sum = 0;
            for (int j = 0; j < EACH; j++) {
                scores[i][j] *= length[j];
                if (met & bit<Layout>(i, j)) largest = max(largest, scores[i][j]);
            }
            largest = warp_max(largest);
            for (int j = 0; j < EACH; j++) {
                const T weight = met & bit<Layout>(i, j) ? exp(scores[i][j] - largest) : T(0);
                weights[place(i, j)] = weight;
                sum += weight;
            }
            sum = warp_sum(sum);
            if (lane_id() == 0) {
                const Change<T> change(lse[rows[row]], largest, sum);
                kept[row] = change.kept;
                share[row] = change.share;
            }
        }
        __syncwarp();
        add_up(v, columns, count, weights, E, column_slice, [&](int i, int64_t d, T sum) {
            const int row = first_own() + i;
            if (rows[row] < 0 || share[row] == 0) return;
            T& to = out[rows[row] * E + d];
            to = (kept[row] == 0 ? T(0) : kept[row] * to) + share[row] * sum;
        });
    }
}

}  // namespace registers

namespace matrices {

// What a row has met in this round: the largest of its scores, and of this lane's Σ exp(score − largest).
struct Met {
    float largest = -infinity<float>(), sum = 0;
};

// Scores of a tile of columns, dots · lengths, become their weights exp(score − largest), and sums those of this largest.
template <int N>
__device__ void weigh(Product (&dots)[N], unsigned met, const float* lengths, Met (&rows)[2], Product (&sums)[PARTS]) {
    using Pairs = Layout<N * SIDE>;
#pragma unroll
    for (int i = 0; i < Pairs::OWN; i++) {
        float largest = rows[i].largest;
#pragma unroll
        for (int j = 0; j < Pairs::EACH; j++) {
            at(dots, i, j) *= lengths[Pairs::column(j)];
            if (met & bit<Pairs>(i, j)) largest = max(largest, at(dots, i, j));
        }
        largest = largest_of_row(largest);
        const float from = largest == -infinity<float>() ? 0 : largest, fade = __expf(rows[i].largest - from);
        rows[i].largest = largest;
        rows[i].sum *= fade;
#pragma unroll
        for (int j = 0; j < Pairs::EACH; j++) {
            at(dots, i, j) = met & bit<Pairs>(i, j) ? __expf(at(dots, i, j) - from) : 0;
            rows[i].sum += at(dots, i, j);
        }
#pragma unroll
        for (int j = 0; j < 4 * PARTS; j++) at(sums, i, j) *= fade;
    }
}

// What the rows meet in this round is summed in registers. Of wide heads, scores are computed again for every 64
// coordinates of the output.
__device__ inline void attend(const bfloat16* __restrict__ qk, const bfloat16* __restrict__ v,
                              const float* __restrict__ squares, const int* __restrict__ order,
                              const int64_t* __restrict__ marks, float* __restrict__ out, float* __restrict__ lse,
                              const Sizes& sizes) {
    constexpr int COLUMNS = 64;
    using Pairs = Layout<COLUMNS>;
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(int64_t, row_marks, HELD* ROWS);
    SHARED_ARRAY(int64_t, column_marks, HELD* COLUMNS);
    SHARED_ARRAY(float, lengths, COLUMNS);
    SHARED_TILE(bfloat16, queries, ROWS* STRIDE);
    SHARED_TILE(bfloat16, keys, COLUMNS* STRIDE);
    SHARED_TILE(bfloat16, values, COLUMNS* STRIDE);
    const int64_t E = sizes.E;
    const Block block(sizes, ROWS);
    const Meetings<Pairs> meetings{sizes, marks, true, rows, columns, row_marks, column_marks};
    if (!share_positions(position_at(order, block.first, block.end, ROWS), ROWS, rows)) return;  // all of the block
    float before[Pairs::OWN];
#pragma unroll
    for (int i = 0; i < Pairs::OWN; i++) before[i] = rows[Pairs::row(i)] >= 0 ? lse[rows[Pairs::row(i)]] : 0;

    const int64_t end = min((block.c + 1) * sizes.m, sizes.S);
    int64_t to = 0;
    bool kept = false;
    do {
        Met met[Pairs::OWN];
        Product sums[PARTS] = {};
        int count;
        Tiles<COLUMNS> tiles(order, max((block.c - 1) * sizes.m, int64_t(0)), end);
        while (tiles.next(columns, count)) {
            if (threadIdx.x < COLUMNS)
                lengths[threadIdx.x] = float(sizes.scale) * inverse_norm(squares[max(columns[threadIdx.x], 0)]);
            meetings.take(0);
            take<COLUMNS>({v, columns, values}, to, E);
            Product dots[1][COLUMNS / SIDE] = {};
            add_dots<COLUMNS, 1>({{qk, rows, queries}}, {{qk, columns, keys}}, count, E, kept, dots);
            kept = E <= SLICE;
            const unsigned pairs = meetings.first();
            if (idle(rows)) continue;  // all lanes of the warp
            weigh(dots[0], pairs, lengths, met, sums);
            add_up(dots[0], values, count, width_of(E - to), sums);
        }
        float of_old[Pairs::OWN], share[Pairs::OWN];
#pragma unroll
        for (int i = 0; i < Pairs::OWN; i++) {
            float after = before[i];
            const Change<float> change(after, met[i].largest, sum_of_row(met[i].sum));
            of_old[i] = change.kept, share[i] = change.share;
            if (to + SLICE >= E && lane_id() % 4 == 0 && rows[Pairs::row(i)] >= 0) lse[rows[Pairs::row(i)]] = after;
        }
        put(sums, rows, to, E, out, [&](int i, int64_t, float old, float sum) {
            return share[i] == 0 ? old : (of_old[i] == 0 ? 0 : of_old[i] * old) + share[i] * sum;
        });
    } while ((to += SLICE) < E);
}

}  // namespace matrices

// out[n, i], lse[n, i]: output and log-sum-exp of what position i met in rounds before r, then of what in r too.
//
// At first they are the value of i, for one that meets nobody, and −∞. Scores are scale · q_i · q_j / |q_j|.
// qk, v [N, S, E]; squares [N, S] |q|²; order [N, R, S]; marks [N, S, R], see Meetings.
template <class X, class T>
__global__ void __launch_bounds__(128, BLOCKS<X>)
    attend_chunks(const X* __restrict__ qk, const X* __restrict__ v, const T* __restrict__ squares,
                  const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ out,
                  T* __restrict__ lse, int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale,
                  bool causal) {
    const Sizes sizes{S, E, R, m, r, scale, causal};
    const int64_t n = Block(sizes, BY_MATRICES<X> ? matrices::ROWS : registers::ROWS).n;
    qk += n * S * E, v += n * S * E, squares += n * S, order += (n * R + r) * S, marks += n * S * R;
    out += n * S * E, lse += n * S;
    if constexpr (BY_MATRICES<X>)
        matrices::attend(qk, v, squares, order, marks, out, lse, sizes);
    else
        registers::attend(qk, v, squares, order, marks, out, lse, sizes);
}
