// Look codes up and rank what is found, in one pass.
#include <utility>

#include "best.h"
#include "spans.h"

namespace {

// Append to `ids` those of n items that are neither hidden nor seen; returns how many there are now.
// digests: what to ask memory for, or null.
inline int64_t see(const int32_t* __restrict items, int64_t n, const uint8_t* __restrict hidden,
                   const Digest* digests, uint64_t* __restrict seen, int64_t* __restrict ids, int64_t found) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t id = items[i];
        uint64_t& word = seen[id >> 6];
        const uint64_t bit = uint64_t(!(hidden && hidden[id])) << (id & 63);
        ids[found] = id;
        found += (bit & ~word) != 0;
        word |= bit;
        if (digests) __builtin_prefetch(digests + id);
    }
    return found;
}

// What one thread needs for a query after another.
template <class T, class W>
class Query {
  public:
    Query(const Tables& in, int64_t keep, int64_t size, const Scores<T, W>& scores, const Estimates& estimates)
        : keep_(keep),
          size_(size),
          scores_(scores),
          estimates_(estimates),
          seen_(in.num_items / 64 + 1),
          short_(size) {}

    void see_span(const int32_t* items, int64_t n, const uint8_t* hidden) {
        if (int64_t(ids_.size()) < found_ + n + 1) ids_.resize(2 * (found_ + n) + 1);
        found_ = see(items, n, hidden, size_ ? estimates_.rows() : nullptr, seen_.data(), ids_.data(), found_);
    }

    int64_t finish(const T* x, const int32_t* codes, const float* radius, int64_t* kept) {
        for (int64_t i = 0; i < found_; i++) seen_[ids_[i] >> 6] = 0;
        const int64_t found = std::exchange(found_, 0);
        if (!size_ || found <= size_) return scores_.best(x, ids_.data(), found, keep_, best_, kept);
        estimates_.of(codes, radius, ids_.data(), found, near_.keys(found));
        const int64_t left = near_.best(ids_.data(), found, size_, short_.data());
        return scores_.best(x, short_.data(), left, keep_, best_, kept);
    }

  private:
    int64_t keep_, size_, found_ = 0;
    const Scores<T, W>& scores_;
    const Estimates& estimates_;
    std::vector<uint64_t> seen_;
    std::vector<int64_t> ids_, short_;
    Ranking<float> near_;
    Ranking<T> best_;
};

template <class T, class W>
void retrieve(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side,
              int64_t num_buckets, int64_t cap, int64_t keep, int64_t size, int64_t num_bits, const T* x,
              const W* weight, const T* bias, const int32_t* query_codes, const int32_t* items, const int32_t* offsets,
              const int32_t* side_items, const int32_t* side_offsets, const uint8_t* hidden, const float* window,
              const float* radius, const Digest* digests, int64_t* kept, int64_t* found) {
    const Scores<T, W> scores{dim, weight, bias};
    const Estimates estimates(tables, num_bits, digests);
    const Tables in{num_items, num_side, num_buckets, offsets, side_offsets};
    parallel_split(threads, batch, [&](int64_t begin, int64_t end) {
        Query<T, W> query(in, keep, size, scores, estimates);
        std::vector<Span> spans(tables), next(tables);
        auto locate = [&](int64_t b) {  // and ask memory for the ids
            for (int64_t l = 0; l < tables; l++) {
                const int64_t visit = b * tables + l;
                next[l] = in.bucket(l, query_codes[visit], window ? window + visit : nullptr, cap);
                prefetch(items + next[l].begin, (next[l].end - next[l].begin) * sizeof *items);
            }
        };
        if (begin < end) locate(begin);
        for (int64_t b = begin; b < end; b++) {
            spans.swap(next);
            if (b + 1 < end) locate(b + 1);
            for (const Span& span : spans) {
                query.see_span(items + span.begin, span.end - span.begin, hidden);
                query.see_span(side_items + span.side_begin, span.side_end - span.side_begin, nullptr);
            }
            found[b + 1] = query.finish(x + b * dim, query_codes + b * tables, radius ? radius + b : nullptr,
                                        kept + b * keep);
        }
    });
    close_up(batch, keep, kept, found);
}

}  // namespace

#define INSTANCE(name, T, W)                                                                                           \
    EXPORT void name(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side,  \
                     int64_t num_buckets, int64_t cap, int64_t keep, int64_t size, int64_t num_bits, const T* x,       \
                     const W* weight, const T* bias, const int32_t* query_codes, const int32_t* items,                 \
                     const int32_t* offsets, const int32_t* side_items, const int32_t* side_offsets,                   \
                     const uint8_t* hidden, const float* window, const float* radius, const Digest* digests,           \
                     int64_t* kept, int64_t* found) {                                                                  \
        retrieve(threads, batch, dim, num_items, tables, num_side, num_buckets, cap, keep, size, num_bits, x, weight,  \
                 bias, query_codes, items, offsets, side_items, side_offsets, hidden, window, radius, digests, kept,   \
                 found);                                                                                               \
    }
INSTANCE(retrieve_f32, float, float)
INSTANCE(retrieve_f64, double, double)
INSTANCE(retrieve_mixed_f32, float, bf16)
INSTANCE(retrieve_mixed_f64, double, bf16)
