// LSH attention, forward: positions attend to their chunk, and to the one before, in the order of every round.
//
// A pair that meets in several rounds counts in the first of them: the union over rounds is summed as what is new in
// each. Rounds are launches after one another; each finds what it adds to output and log-sum-exp of a position in one
// block, so that there is no atomic operation and only one output, however many rounds there are.
#include "lsh_attention.cuh"

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

// What a row's scores of these columns change: its output becomes kept · output + share · Σ weights v.
template <class T>
struct Change {
    T kept = 1, share = 0;

    // lse: of what the row met before, and then of these too; their largest score, and Σ exp(score − largest).
    __device__ Change(T& lse, T largest, T sum) {
        if (sum == 0) return;
        const T fresh = largest + log(sum), high = max(lse, fresh), total = high + log1p(exp(min(lse, fresh) - high));
        kept = exp(lse - total);
        share = exp(largest - total);
        lse = total;
    }
};

// out[n, i], lse[n, i]: output and log-sum-exp of what position i met in rounds before r, then of what in r too.
//
// At first they are the value of i, for one that meets nobody, and −∞. Scores are scale · q_i · q_j / |q_j|.
// qk, v [N, S, E]; squares [N, S] |q|²; order [N, R, S]; marks [N, S, R], see first_meetings.
template <class X, class T>
__global__ void __launch_bounds__(128, 4)
    attend_chunks(const X* __restrict__ qk, const X* __restrict__ v, const T* __restrict__ squares,
                  const int* __restrict__ order, const int64_t* __restrict__ marks, T* __restrict__ out,
                  T* __restrict__ lse, int64_t S, int64_t E, int64_t R, int64_t m, int64_t r, double scale,
                  bool causal) {
    SHARED_ARRAY(int, rows, ROWS);
    SHARED_ARRAY(int, columns, COLUMNS);
    SHARED_ARRAY(T, weights, ROWS* COLUMNS);
    SHARED_ARRAY(T, kept, ROWS);
    SHARED_ARRAY(T, share, ROWS);
    const Sizes sizes{S, E, R, m, r};
    const Block block(sizes);
    order += (block.n * R + r) * S, marks += block.n * S * R, squares += block.n * S, lse += block.n * S;
    qk += block.n * S * E, v += block.n * S * E, out += block.n * S * E;
    if (!take_positions(order, block.first, block.end, ROWS, rows)) return;  // all threads of the block

    const int64_t end = min((block.c + 1) * m, S);
    for (int64_t first = max((block.c - 1) * m, int64_t(0)); first < end; first += COLUMNS) {
        const int count = take_positions(order, first, end, COLUMNS, columns);
        T scores[OWN][EACH];
        multiply(qk, qk, rows, columns, E, scores);
        const unsigned met = first_meetings(marks, sizes, causal, true, rows, columns);
        T length[EACH];
        for (int j = 0; j < EACH; j++)
            length[j] = T(scale) * inverse_norm(squares[max(columns[lane_id() + j * WARP], 0)]);
        for (int i = 0; i < OWN; i++) {
            const int row = first_own() + i;
            if (rows[row] < 0) continue;  // all lanes of the warp
            T largest = -infinity<T>(), sum = 0;
            for (int j = 0; j < EACH; j++) {
                scores[i][j] *= length[j];
                if (met & bit(i, j)) largest = max(largest, scores[i][j]);
            }
            largest = warp_max(largest);
            for (int j = 0; j < EACH; j++) {
                const T weight = met & bit(i, j) ? exp(scores[i][j] - largest) : T(0);
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
        add_up(v, columns, count, weights + first_own() * COLUMNS, E, [&](int i, int64_t d, T sum) {
            const int row = first_own() + i;
            if (rows[row] < 0 || share[row] == 0) return;
            T& to = out[rows[row] * E + d];
            to = (kept[row] == 0 ? T(0) : kept[row] * to) + share[row] * sum;
        });
    }
}
