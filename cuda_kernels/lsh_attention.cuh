// What the kernels of LSH attention share: a block's rows and columns, and who meets whom.
//
// A block takes some of the positions of a chunk, its rows, and in turn some of the positions that they may meet, its
// columns. A layout says how many, and which pairs of them a thread has: OWN rows with each of EACH columns.
// Positions come in the order of a round; −1 is none, and after it come no others.
#pragma once
#include "common.cuh"

constexpr int THREADS = 128;
constexpr int HELD = 4;              // rounds whose marks are at hand at a time
template <class X>
constexpr int BLOCKS = sizeof(X) == sizeof(float) ? 4 : 3;  // of a multiprocessor: where more would spill
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

// This thread's of `size` positions from `first` on, in the order of a round; −1 from `end` on, and where there is none.
__device__ inline int position_at(const int* order, int64_t first, int64_t end, int size) {
    return int(threadIdx.x) < size && first + threadIdx.x < end ? order[first + threadIdx.x] : -1;
}

// Shares what each thread has of `size` positions. How many there are. Every thread calls it.
__device__ inline int share_positions(int own, int size, int* positions) {
    __syncthreads();  // what was there has been read
    if (int(threadIdx.x) < size) positions[threadIdx.x] = own;
    return __syncthreads_count(own >= 0);
}

// A block's columns, a tile of SIZE after another; the positions of the next are on their way while one is at work.
template <int SIZE>
struct Tiles {
    const int* order;  // from the next tile on, and how many are left
    int64_t left;
    int ahead;

    __device__ Tiles(const int* of_round, int64_t first, int64_t end)
        : order(of_round + first), left(end - first), ahead(position_at(order, 0, left, SIZE)) {}

    // Shares the next `count` positions; whether there are any. Every thread calls it.
    __device__ bool next(int* columns, int& count) {
        count = 0;
        while (left > 0 && !count) {
            count = share_positions(ahead, SIZE, columns);
            order += SIZE, left -= SIZE;
            ahead = position_at(order, 0, left, SIZE);
        }
        return count;
    }
};

// Where the i-th of a thread's rows and the j-th of its columns stand in a set of bits.
template <class Layout>
__device__ inline unsigned bit(int i, int j) {
    return 1u << (i * Layout::EACH + j);
}

// Who meets whom for the first time in round r; rows_ask: rows are the queries.
//
// marks [S, R] of a head, chunk + 2³² · bucket. In the bucket of the key, and in its chunk or the next, is a query whose
// mark is 0 or 1 more than the key's. Those of HELD rounds at a time are shared: row_marks [HELD, ROWS], column_marks
// [HELD, COLUMNS].
template <class Layout>
struct Meetings {
    const Sizes& sizes;
    const int64_t* marks;
    bool rows_ask;
    const int *rows, *columns;
    int64_t *row_marks, *column_marks;

    // Marks of rounds from `from` on. Every thread calls it; a barrier comes before and after.
    __device__ void take(int64_t from) const {
        take_side(from, rows, Layout::ROWS, row_marks);
        take_side(from, columns, Layout::COLUMNS, column_marks);
    }

    __device__ void take_side(int64_t from, const int* positions, int size, int64_t* held) const {
        for (int k = threadIdx.x; k < size * HELD; k += THREADS) {
            const int i = k / HELD, e = k % HELD;
            if (from + e <= sizes.r) held[e * size + i] = marks[max(positions[i], 0) * sizes.R + from + e];
        }
    }

    // Which pairs of a thread's rows and columns, of those at hand in round e.
    __device__ unsigned of_round(int e) const {
        unsigned met = 0;
#pragma unroll 4  // with more ptxas spills
        for (int j = 0; j < Layout::EACH; j++) {
            const uint64_t column = column_marks[e * Layout::COLUMNS + Layout::column(j)];
            for (int i = 0; i < Layout::OWN; i++) {
                const uint64_t row = row_marks[e * Layout::ROWS + Layout::row(i)];
                if ((rows_ask ? row - column : column - row) <= 1) met |= bit<Layout>(i, j);
            }
        }
        return met;
    }

    __device__ unsigned of_positions() const {
        unsigned met = 0;
        for (int i = 0; i < Layout::OWN; i++)
            for (int j = 0; j < Layout::EACH; j++) {
                const int row = rows[Layout::row(i)], column = columns[Layout::column(j)];
                const int query = rows_ask ? row : column, key = rows_ask ? column : row;
                if (query >= 0 && key >= 0 && (sizes.causal ? key < query : key != query)) met |= bit<Layout>(i, j);
            }
        return met;
    }

    // Which pairs meet in round r, and in none before. Every thread calls it, the first marks taken.
    __device__ unsigned first() const {
        unsigned met = of_positions();
        for (int64_t from = 0; from <= sizes.r; from += HELD) {
            if (from > 0) {
                __syncthreads();  // the marks before have been read
                take(from);
                __syncthreads();
            }
            for (int64_t e = from; e <= min(from + HELD - 1, sizes.r); e++)
                met &= e < sizes.r ? ~of_round(int(e - from)) : of_round(int(e - from));
        }
        return met;
    }
};

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
