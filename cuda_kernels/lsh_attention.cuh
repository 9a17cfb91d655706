// What the kernels of LSH attention share: a block's rows and columns, and who meets whom.
//
// A block takes some of the positions of a chunk, its rows, and in turn some of the positions that they may meet, its
// columns. A layout says how many, and which pairs of them a thread has: OWN rows with each of EACH columns.
// Positions come in the order of a round; −1 is none, and after it come no others.
#pragma once
#include "common.cuh"

constexpr int THREADS = 128;
constexpr double LEAST_NORM = 1e-6;  // below it a key is not lengthened to 1

// Of N heads, R rounds of S positions in chunks of m; a launch does a round, r. E coordinates.
struct Sizes {
    int64_t S, E, R, m, r;
    double scale;
    bool causal;

    __device__ int64_t chunks() const { return (S + m - 1) / m; }
};

// Where a block of up to `rows` positions stands: head n, chunk c, and places first … end − 1 in the order of the round.
struct Block {
    int64_t n, c, first, end;

    __device__ Block(const Sizes& sizes, int rows) {
        const int64_t b = blockIdx.x, tiles = (sizes.m + rows - 1) / rows;
        c = b / tiles % sizes.chunks();
        n = b / tiles / sizes.chunks();
        first = c * sizes.m + b % tiles * rows;
        end = min(min(first + rows, (c + 1) * sizes.m), sizes.S);
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

// Where the i-th of a thread's rows and the j-th of its columns stand in a set of bits.
template <class Layout>
__device__ inline unsigned bit(int i, int j) {
    return 1u << (i * Layout::EACH + j);
}

// Which pairs of a thread's rows and columns meet in round e; rows ask: they are the queries.
//
// marks [S, R] of a head, chunk + 2³² · bucket. In the bucket of the key, and in its chunk or the next, is a query whose
// mark is 0 or 1 more than the key's.
template <class Layout>
__device__ unsigned meetings(const int64_t* marks, int64_t R, int64_t e, bool rows_ask, const int* rows,
                             const int* columns) {
    unsigned met = 0;
#pragma unroll 4  // marks at hand at a time: what registers hold
    for (int j = 0; j < Layout::EACH; j++) {
        const uint64_t column = marks[max(columns[Layout::column(j)], 0) * R + e];
        for (int i = 0; i < Layout::OWN; i++) {
            const uint64_t row = marks[max(rows[Layout::row(i)], 0) * R + e];
            if ((rows_ask ? row - column : column - row) <= 1) met |= bit<Layout>(i, j);
        }
    }
    return met;
}

// Which of them meet in round r, and in none before.
template <class Layout>
__device__ unsigned first_meetings(const int64_t* marks, const Sizes& sizes, bool rows_ask, const int* rows,
                                   const int* columns) {
    unsigned met = 0;
    for (int i = 0; i < Layout::OWN; i++)
        for (int j = 0; j < Layout::EACH; j++) {
            const int row = rows[Layout::row(i)], column = columns[Layout::column(j)];
            const int query = rows_ask ? row : column, key = rows_ask ? column : row;
            if (query >= 0 && key >= 0 && (sizes.causal ? key < query : key != query)) met |= bit<Layout>(i, j);
        }
    for (int64_t e = 0; e < sizes.r; e++) met &= ~meetings<Layout>(marks, sizes.R, e, rows_ask, rows, columns);
    return met & meetings<Layout>(marks, sizes.R, sizes.r, rows_ask, rows, columns);
}

// 1/|k| of a key, from its squared norm.
template <class T>
__device__ inline T inverse_norm(T square) {
    return 1 / max(sqrt(square), T(LEAST_NORM));
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

// A query and a key of it: attention p = exp(score − lse), and the gradient by q_i · q_j: by the score it is p (do_i ·
// v_j − centre_i), centre_i = do_i · o_i.
template <class T>
struct Pair {
    T attention, of_dot;

    // dot: q_i · q_j. inner: do_i · v_j. by: scale / |q_j|.
    __device__ Pair(T dot, T inner, T by, T lse, T centre)
        : attention(exp(by * dot - lse)), of_dot(by * attention * (inner - centre)) {}
};

// 1/|q_j|², by which a projection on q_j is divided; 0 for a query that is too short to be lengthened. inverse: its
// inverse_norm.
template <class T>
__device__ inline T share_of_length(T inverse) {
    return inverse < T(1 / LEAST_NORM) ? inverse * inverse : T(0);
}
