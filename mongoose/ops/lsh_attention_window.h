// Chunks of a sorted sequence: the one at work and the one before it, which it attends to.
//
// A chunk's rows are gathered once into contiguous memory; its scores, soft-max and products stay in the second-level
// cache. Scores lie a key a row, so that all that is done to them runs along queries. What a query meets in two rounds
// counts in the first: the union of rounds is summed as the sum over rounds of what is new in each.
//
// A run of chunks is one thread's. Runs, and with them all sums, are the same for any number of threads.
#pragma once

#include "block_product.h"

constexpr int64_t RUN = 16;       // chunks of a run
constexpr int32_t NOWHERE = -4;   // chunk of a position that does not exist
constexpr int32_t NOBODY = -1;    // position in the place of one that is missing at the end of a chunk

template <class T>
constexpr T UNMET = std::numeric_limits<T>::lowest();  // score of what is not met
template <class T>
constexpr T ALONE = -std::numeric_limits<T>::infinity();  // log-sum-exp of what meets nobody

// Memory in whole vectors, handed out in pieces.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t size) : memory_(size / LANES<T>) {}
    T* take(int64_t size) {
        T* piece = reinterpret_cast<T*>(memory_.data()) + used_;
        used_ += size;
        return piece;
    }

  private:
    std::vector<lanes<T>> memory_;
    int64_t used_ = 0;
};

struct Sizes {
    int64_t heads, rounds, length, dim, chunk;
    double scale;
    bool causal;
};

// The order of one head, and for every position what tells whether two meet.
struct Order : Sizes {
    const int32_t* order;  // [rounds, length]
    const int32_t* codes;  // [rounds, length] or null
    int64_t count;         // positions that exist
    std::vector<int32_t> chunks;  // [length, rounds]

    Order(const Sizes& sizes, const int32_t* orders, const int32_t* all_codes, int64_t head)
        : Sizes(sizes), order(orders + head * rounds * length),
          codes(all_codes ? all_codes + head * rounds * length : nullptr), chunks(length * rounds, NOWHERE) {
        count = std::find(order, order + length, -1) - order;
        for (int64_t r = 0; r < rounds; r++)
            for (int64_t s = 0; s < count; s++)
                if (order[r * length + s] >= 0) chunks[order[r * length + s] * rounds + r] = int32_t(s / chunk);
    }
    int64_t num_chunks() const { return (count + chunk - 1) / chunk; }
    int64_t num_runs() const { return (num_chunks() + RUN - 1) / RUN; }
};

template <class X, class T>
inline void widen(const X* __restrict from, T* __restrict to, int64_t n) {
#pragma omp simd
    for (int64_t d = 0; d < n; d++) to[d] = static_cast<T>(from[d]);
}

// to[d, i] = scale · from[i, d], both [rows, columns] in whole vectors.
template <class T>
void turn(const T* from, int64_t rows, int64_t columns, T scale, T* to) {
    for (int64_t i = 0; i < rows; i += LANES<T>)
        for (int64_t d = 0; d < columns; d += LANES<T>) {
            lanes<T> square[LANES<T>];
            for (int64_t r = 0; r < LANES<T>; r++)
                std::memcpy(&square[r], from + (i + r) * columns + d, VECTOR_BYTES);
            transpose<T>(square);
            for (int64_t r = 0; r < LANES<T>; r++) {
                square[r] *= scale;
                std::memcpy(to + (d + r) * rows + i, &square[r], VECTOR_BYTES);
            }
        }
}

// The chunk at work and the one before it. Chunk c is in half c % 2 of what belongs to keys.
template <class X>
struct Window {
    using T = sum_t<X>;
    const Order& order;
    const int64_t round, m, lanes_m, width;  // m up to whole vectors; dim up to whole vectors
    Scratch<T> scratch;
    T *query, *turned, *key, *value, *score;     // [m', dim'], [dim', m'], [2m, dim'], [2m, dim'], [2m, m']
    T* inverse;                                  // [2m] 1 / norm of a key's query
    std::vector<int32_t> position;               // [2m]
    std::vector<int32_t> key_mark, query_mark;   // [marks, 2m], [marks, m']
    std::vector<mask_t<T>> met;                  // [m']
    std::vector<int32_t> query_position;         // [m']
    int64_t first = 0, keys = 0, queries = 0;    // keys first … first + keys − 1 of the halves are held

    Window(const Order& given, int64_t this_round, int64_t more)
        : order(given), round(this_round), m(given.chunk), lanes_m(whole<T>(m)), width(whole<T>(given.dim)),
          scratch(2 * lanes_m * width + 4 * m * width + 2 * m * lanes_m + whole<T>(2 * m) + more),
          position(2 * m, NOBODY), key_mark(marks() * 2 * m), query_mark(marks() * lanes_m), met(lanes_m),
          query_position(lanes_m) {
        query = scratch.take(lanes_m * width), turned = scratch.take(width * lanes_m);
        key = scratch.take(2 * m * width), value = scratch.take(2 * m * width);
        score = scratch.take(2 * m * lanes_m), inverse = scratch.take(whole<T>(2 * m));
    }

    int64_t marks() const { return (round + 1) * (order.codes ? 2 : 1); }
    // The e-th chunk, or bucket, of a position.
    int32_t mark(int64_t e, int64_t at) const {
        return e <= round ? order.chunks[at * order.rounds + e] : order.codes[(e - round - 1) * order.length + at];
    }
    int64_t half(int64_t c) const { return c % 2 * m; }
    int64_t held(int64_t c) const { return std::min(m, order.count - c * m); }
    const int32_t* places(int64_t c) const { return order.order + round * order.length + c * m; }

    // Chunk c becomes the one at work; `before`: the one before it is at hand.
    void load(const X* qk, const X* v, int64_t c, bool before) {
        load_keys(qk, v, c);
        first = before ? 0 : half(c), keys = before ? 2 * m : m, queries = held(c);
        const T scale = T(order.scale);
        std::fill(query + queries * width, query + lanes_m * width, T(0));
        std::fill(query_position.begin(), query_position.end(), NOBODY);
        for (int64_t i = 0; i < queries; i++) {
            query_position[i] = places(c)[i];
            for (int64_t e = 0; e < marks(); e++) query_mark[e * lanes_m + i] = mark(e, places(c)[i]);
        }
        turn(query, lanes_m, width, scale, turned);
    }

    void load_keys(const X* qk, const X* v, int64_t c) {
        const int64_t dim = order.dim, base = half(c);
        queries = held(c);
        for (int64_t i = 0; i < m; i++) {
            const int64_t j = base + i;
            if (i >= queries) {
                position[j] = NOBODY;
                std::fill(key + j * width, key + (j + 1) * width, T(0));
                std::fill(value + j * width, value + (j + 1) * width, T(0));
                continue;
            }
            const int64_t at = position[j] = places(c)[i];
            if (i + 8 < queries) prefetch_row(qk, v, places(c)[i + 8]);
            T* q = query + i * width;
            widen(qk + at * dim, q, dim);
            widen(v + at * dim, value + j * width, dim);
            inverse[j] = 1 / std::max(std::sqrt(dot(q, q, dim)), T(1e-6));
            for (int64_t d = 0; d < dim; d++) key[j * width + d] = q[d] * inverse[j];
            for (int64_t e = 0; e < marks(); e++) key_mark[e * 2 * m + j] = mark(e, at);
        }
    }

    void prefetch_row(const X* qk, const X* v, int64_t at) const {
        prefetch(qk + at * order.dim, order.dim * sizeof(X));
        prefetch(v + at * order.dim, order.dim * sizeof(X));
    }

    // score[j] = the scores of key j for all queries.
    void multiply() {
        block_product<T>(keys, lanes_m, order.dim, {key + first * width, width, 1}, turned, lanes_m,
                         score + first * lanes_m, lanes_m, false);
    }

    // Which queries meet key j now for the first time; whether any may.
    bool meet(int64_t j) {
        const int32_t at = position[j];
        if (at == NOBODY) return false;
        mask_t<T>* __restrict who = met.data();
        const int32_t* __restrict asks = query_position.data();
        const bool causal = order.causal;
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) who[i] = causal ? at < asks[i] : at != asks[i];
        for (int64_t e = 0; e < round; e++) forget_met(j, e);
        if (order.codes) {
            const int32_t* __restrict bucket = &query_mark[(2 * round + 1) * lanes_m];
            const int32_t own = key_mark[(2 * round + 1) * 2 * m + j];
#pragma omp simd
            for (int64_t i = 0; i < lanes_m; i++) who[i] &= bucket[i] == own;
        }
        return true;
    }

    void forget_met(int64_t j, int64_t e) {
        mask_t<T>* __restrict who = met.data();
        const int32_t* __restrict chunk = &query_mark[e * lanes_m];
        const uint32_t own = key_mark[e * 2 * m + j];
        if (!order.codes) {
#pragma omp simd
            for (int64_t i = 0; i < lanes_m; i++) who[i] &= uint32_t(chunk[i]) - own > 1u;
            return;
        }
        const int32_t* __restrict bucket = &query_mark[(round + 1 + e) * lanes_m];
        const int32_t code = key_mark[(round + 1 + e) * 2 * m + j];
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) who[i] &= (uint32_t(chunk[i]) - own > 1u) | (bucket[i] != code);
    }
};

// Call `body(threads, begin, end)` for all heads: one after the other, whose runs threads share, or a thread a head where
// a head has too few runs to share. The first way fewer rows are at work at once, which then lie in cache.
template <class Body>
void over_heads(int64_t threads, const Sizes& sizes, const Body& body) {
    if (sizes.heads % threads || sizes.length >= 4 * threads * RUN * sizes.chunk)
        body(threads, 0, sizes.heads);
    else
        parallel_chunks(threads, sizes.heads, 1, [&](int64_t begin, int64_t end) { body(1, begin, end); });
}
