// Choosing among candidates: distances of codes, and the few best scores.
#pragma once

#include <utility>

#include "kernel.h"

// Bits in which two rows of codes differ.
inline int32_t bits_apart(const int32_t* __restrict a, const int32_t* __restrict b, int64_t tables) {
    int64_t sum = 0, l = 0;
    for (; l + 2 <= tables; l += 2) {  // two codes a word
        uint64_t left, right;
        std::memcpy(&left, a + l, sizeof left);
        std::memcpy(&right, b + l, sizeof right);
        sum += __builtin_popcountll(left ^ right);
    }
    if (l < tables) sum += __builtin_popcount(a[l] ^ b[l]);
    return int32_t(sum);
}

// A few best (score, id); of equal scores the lower id.
template <class T>
class Best {
  public:
    explicit Best(int64_t keep) : keep_(keep) { held_.reserve(2 * keep); }

    // Twice as many as asked are held, so that most offers cost one comparison, and the others hardly more.
    void offer(T score, int64_t id) {
        if (!(score >= least_)) return;  // nor is what is not a number kept
        held_.push_back({score, id});
        if (int64_t(held_.size()) >= 2 * keep_) shrink();
    }

    // Write the ids, ascending, and start anew; returns how many they are.
    int64_t drain(int64_t* ids) {
        shrink();
        int64_t n = 0;
        for (const auto& one : held_) ids[n++] = one.second;
        std::sort(ids, ids + n);
        held_.clear();
        least_ = LEAST;
        return n;
    }

  private:
    using Scored = std::pair<T, int64_t>;
    static constexpr T LEAST = -std::numeric_limits<T>::infinity();

    void shrink() {
        if (int64_t(held_.size()) <= keep_) return;
        const auto last = held_.begin() + keep_ - 1;
        std::nth_element(held_.begin(), last, held_.end(), [](const Scored& a, const Scored& b) {
            return a.first > b.first || (a.first == b.first && a.second < b.second);
        });
        least_ = last->first;
        held_.resize(keep_);
    }

    int64_t keep_;
    T least_ = LEAST;
    std::vector<Scored> held_;
};

// Scores estimated from codes; the estimate is defined in shortlist.py.
class Estimates {
  public:
    Estimates(int64_t tables, int64_t num_bits, const int32_t* codes, const float* traits)
        : tables_(tables), codes_(codes), traits_(traits), cosine_(num_bits + 1) {
        for (int64_t d = 0; d <= num_bits; d++) cosine_[d] = float(std::cos(M_PI / double(num_bits) * double(d)));
    }

    void fetch(int64_t id) const {
        prefetch(codes_ + id * tables_, tables_ * sizeof *codes_);
        if (traits_) prefetch(traits_ + 2 * id, 2 * sizeof *traits_);
    }

    float of(const int32_t* query, float radius, int64_t id) const {
        const float cosine = cosine_[bits_apart(query, codes_ + id * tables_, tables_)];
        return traits_ ? traits_[2 * id + 1] + radius * traits_[2 * id] * cosine : cosine;
    }

  private:
    int64_t tables_;
    const int32_t* codes_;
    const float* traits_;
    std::vector<float> cosine_;
};

// Exact scores x·w + b. W: how rows are stored.
template <class T, class W>
struct Scores {
    int64_t dim;
    const W* weight;
    const T* bias;

    void offer_all(const T* x, const int64_t* ids, int64_t n, Best<T>& best) const {
        constexpr int64_t AHEAD = 8;  // rows between a request to memory and its use
        for (int64_t j = 0; j < std::min(n, AHEAD); j++) fetch(ids[j]);
        for (int64_t j = 0; j < n; j++) {
            if (j + AHEAD < n) fetch(ids[j + AHEAD]);
            best.offer(dot(x, weight + ids[j] * dim, dim) + bias[ids[j]], ids[j]);
        }
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
