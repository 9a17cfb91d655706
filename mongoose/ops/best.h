// Choosing among candidates: distances of codes, and the few best scores.
#pragma once

#include "kernel.h"

// Integers that are ordered as the reals they stand for; the least of all stands for what is not a number.
inline int32_t order_of(float score) {
    const int32_t bits = __builtin_bit_cast(int32_t, score + 0.0f);  // −0 is 0
    return score != score ? std::numeric_limits<int32_t>::min() : bits ^ (bits >> 31 & 0x7fffffff);
}

inline int64_t order_of(double score) {
    const int64_t bits = __builtin_bit_cast(int64_t, score + 0.0);
    return score != score ? std::numeric_limits<int64_t>::min() : bits ^ (bits >> 63 & 0x7fffffffffffffff);
}

template <class K>
inline K count_from(const K* __restrict keys, int64_t n, K least) {
    K count = 0;
#pragma omp simd reduction(+ : count)
    for (int64_t i = 0; i < n; i++) count += keys[i] >= least;
    return count;
}

// A key that just `keep` of n keys reach, n > keep; where equal keys leave none, the largest that more of them reach.
// Found bit by bit: no branch depends on how the keys lie.
template <class K>
K threshold(const K* keys, int64_t n, int64_t keep) {
    using Bits = std::make_unsigned_t<K>;
    K least = std::numeric_limits<K>::min();
    for (Bits bit = Bits(1) << (8 * sizeof(K) - 1); bit; bit >>= 1) {
        const K higher = K(Bits(least) + bit);
        const int64_t reached = count_from(keys, n, higher);
        if (reached >= keep) least = higher;
        if (reached == keep) break;
    }
    return least;
}

// Copy the ids whose key is at least `least`, and not NONE; returns how many. `into` has room for one more.
template <class K>
inline int64_t copy_from(const K* __restrict keys, const int64_t* __restrict ids, int64_t n, K least,
                         int64_t* __restrict into) {
    least = std::max<K>(least, std::numeric_limits<K>::min() + 1);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        into[count] = ids[i];
        count += keys[i] >= least;
    }
    return count;
}

// Scores of a query's candidates; tells the few best. Of equal scores it takes the lower id, and never what is not a
// number.
template <class T>
class Ranking {
  public:
    using Key = decltype(order_of(T()));

    Key* keys(int64_t n) {
        if (int64_t(keys_.size()) < n) keys_.resize(n), picked_.resize(n + 1);
        return keys_.data();
    }

    // Write those of n ids whose keys are the `keep` largest, in any order; returns how many they are.
    int64_t best(const int64_t* ids, int64_t n, int64_t keep, int64_t* kept) {
        const Key least = n > keep ? threshold(keys_.data(), n, keep) : std::numeric_limits<Key>::min();
        const int64_t found = copy_from(keys_.data(), ids, n, least, picked_.data());
        if (found > keep) return break_ties(ids, n, least, keep, kept);
        std::copy_n(picked_.begin(), found, kept);
        return found;
    }

  private:
    int64_t break_ties(const int64_t* ids, int64_t n, Key least, int64_t keep, int64_t* kept) {
        const int64_t above = copy_from(keys_.data(), ids, n, Key(least + 1), kept);  // fewer than `keep`
        int64_t tied = 0;
        for (int64_t i = 0; i < n; i++)
            if (keys_[i] == least) picked_[tied++] = ids[i];
        std::partial_sort_copy(picked_.begin(), picked_.begin() + tied, kept + above, kept + keep);
        return keep;
    }

    std::vector<Key> keys_;
    std::vector<int64_t> picked_;
};

// Bits of a row's codes.
struct Sketch {
    uint32_t words[3];

    int distance(const Sketch& other) const {
        uint64_t mine, theirs;
        std::memcpy(&mine, words, sizeof mine);
        std::memcpy(&theirs, other.words, sizeof theirs);
        return __builtin_popcountll(mine ^ theirs) + __builtin_popcount(words[2] ^ other.words[2]);
    }
};

constexpr int64_t SKETCH_BITS = 96;

// The low bits of each code, side by side.
struct Sketcher {
    int64_t bits, tables;  // taken of each code; codes of which they are taken

    Sketcher(int64_t num_tables, int64_t num_bits)
        : bits(std::clamp<int64_t>(SKETCH_BITS / num_tables, 1, num_bits)),
          tables(std::min(num_tables, SKETCH_BITS / bits)) {}

    Sketch of(const int32_t* codes) const {
        const uint32_t mask = (uint32_t(1) << bits) - 1;
        uint64_t low = 0, high = 0;
        for (int64_t l = tables - 1; l >= 0; l--) {
            high = high << bits | low >> (64 - bits);
            low = low << bits | (codes[l] & mask);
        }
        return {{uint32_t(low), uint32_t(low >> 32), uint32_t(high)}};
    }
};

// What the shortlist knows of a row, a quarter of a line of memory; see `describe_rows` in shortlist.py.
struct Digest {
    Sketch sketch;
    bf16 norm, prior;
};
static_assert(sizeof(Digest) == 4 * sizeof(int32_t));

// Scores estimated from digests; the estimate is defined in shortlist.py.
class Estimates {
  public:
    Estimates(int64_t num_tables, int64_t num_bits, const Digest* rows)
        : sketcher_(num_tables, num_bits), rows_(rows) {
        const double width = double(sketcher_.bits * sketcher_.tables);
        for (int64_t d = 0; d <= SKETCH_BITS; d++) cosine_[d] = float(std::cos(M_PI / width * double(d)));
    }

    // Keys of the estimates of n rows.
    void of(const int32_t* query_codes, const float* radius, const int64_t* ids, int64_t n, int32_t* keys) const {
        const Sketch query = sketcher_.of(query_codes);
        if (radius) {
            estimate(query, *radius, ids, n, keys);
        } else {
            for (int64_t j = 0; j < n; j++) keys[j] = order_of(cosine(query, rows_[ids[j]]));
        }
    }

    const Digest* rows() const { return rows_; }

  private:
    void estimate(const Sketch& query, float radius, const int64_t* __restrict ids, int64_t n,
                  int32_t* __restrict keys) const {
        for (int64_t j = 0; j < n; j++) {
            const Digest& row = rows_[ids[j]];
            keys[j] = order_of(row.prior + radius * row.norm * cosine(query, row));
        }
    }

    float cosine(const Sketch& query, const Digest& row) const { return cosine_[query.distance(row.sketch)]; }

    Sketcher sketcher_;
    const Digest* rows_;
    float cosine_[SKETCH_BITS + 1];  // by distance
};

// Exact scores x·w + b. W: how rows are stored.
template <class T, class W>
struct Scores {
    int64_t dim;
    const W* weight;
    const T* bias;

    // Write the ids of the `keep` largest scores, ascending; returns how many they are.
    int64_t best(const T* x, const int64_t* ids, int64_t n, int64_t keep, Ranking<T>& ranking, int64_t* kept) const {
        constexpr int64_t AHEAD = 8;  // rows between a request to memory and its use
        auto* keys = ranking.keys(n);
        for (int64_t j = 0; j < std::min(n, AHEAD); j++) fetch(ids[j]);
        for (int64_t j = 0; j < n; j++) {
            if (j + AHEAD < n) fetch(ids[j + AHEAD]);
            keys[j] = order_of(T(dot(x, weight + ids[j] * dim, dim) + bias[ids[j]]));
        }
        const int64_t found = ranking.best(ids, n, keep, kept);
        std::sort(kept, kept + found);
        return found;
    }

    void fetch(int64_t id) const { prefetch(weight + id * dim, dim * sizeof(W)); }
};

// Sample b has found[b + 1] ids from ids[b · width] on; lay them end to end, and make `found` their offsets.
inline void close_up(int64_t batch, int64_t width, int64_t* ids, int64_t* found) {
    found[0] = 0;
    for (int64_t b = 0; b < batch; b++) {
        move_ids(ids + found[b], ids + b * width, found[b + 1]);
        found[b + 1] += found[b];
    }
}
