// Look codes up and rank what is found, in one pass.
#include "best.h"
#include "spans.h"

namespace {

// What one thread needs for a query after another.
template <class T, class W>
class Query {
  public:
    Query(int64_t num_items, int64_t keep, int64_t size, const Scores<T, W>& scores, const Estimates& estimates)
        : size_(size), scores_(scores), estimates_(estimates), seen_(num_items / 64 + 1), near_(size), best_(keep) {}

    void see(int64_t id) {
        uint64_t& word = seen_[id >> 6];
        const uint64_t bit = uint64_t(1) << (id & 63);
        if (word & bit) return;
        word |= bit;
        ids_.push_back(id);
        if (size_) estimates_.fetch(id);
    }

    int64_t finish(const T* x, const int32_t* code, float radius, int64_t* kept) {
        for (int64_t id : ids_) seen_[id >> 6] = 0;
        if (size_ && int64_t(ids_.size()) > size_) {
            for (int64_t id : ids_) near_.offer(estimates_.of(code, radius, id), id);
            ids_.resize(size_);
            ids_.resize(near_.drain(ids_.data()));
        }
        scores_.offer_all(x, ids_.data(), ids_.size(), best_);
        ids_.clear();
        return best_.drain(kept);
    }

  private:
    int64_t size_;
    const Scores<T, W>& scores_;
    const Estimates& estimates_;
    std::vector<uint64_t> seen_;
    std::vector<int64_t> ids_;
    Best<float> near_;
    Best<T> best_;
};

template <class T, class W>
void retrieve(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side,
              int64_t num_buckets, int64_t cap, int64_t keep, int64_t size, int64_t num_bits, const T* x,
              const W* weight, const T* bias, const int32_t* query_codes, const int32_t* codes, const int32_t* items,
              const int32_t* offsets, const int32_t* side_items, const int32_t* side_offsets, const uint8_t* hidden,
              const float* window, const float* radius, const float* traits, int64_t* kept, int64_t* found) {
    const Scores<T, W> scores{dim, weight, bias};
    const Estimates estimates(tables, num_bits, codes, traits);
    const Tables in{num_items, num_side, num_buckets, offsets, side_offsets};
    parallel_split(threads, batch, [&](int64_t begin, int64_t end) {
        Query<T, W> query(num_items, keep, size, scores, estimates);
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
                for (int64_t i = span.begin; i < span.end; i++)
                    if (!hidden || !hidden[items[i]]) query.see(items[i]);
                for (int64_t i = span.side_begin; i < span.side_end; i++) query.see(side_items[i]);
            }
            const float r = radius ? radius[b] : 1;
            found[b + 1] = query.finish(x + b * dim, query_codes + b * tables, r, kept + b * keep);
        }
    });
    close_up(batch, keep, kept, found);
}

}  // namespace

#define INSTANCE(name, T, W)                                                                                          \
    EXPORT void name(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side, \
                     int64_t num_buckets, int64_t cap, int64_t keep, int64_t size, int64_t num_bits, const T* x,      \
                     const W* weight, const T* bias, const int32_t* query_codes, const int32_t* codes,                \
                     const int32_t* items, const int32_t* offsets, const int32_t* side_items,                         \
                     const int32_t* side_offsets, const uint8_t* hidden, const float* window, const float* radius,    \
                     const float* traits, int64_t* kept, int64_t* found) {                                            \
        retrieve(threads, batch, dim, num_items, tables, num_side, num_buckets, cap, keep, size, num_bits, x, weight, \
                 bias, query_codes, codes, items, offsets, side_items, side_offsets, hidden, window, radius, traits,  \
                 kept, found);                                                                                        \
    }
INSTANCE(retrieve_f32, float, float)
INSTANCE(retrieve_f64, double, double)
INSTANCE(retrieve_mixed_f32, float, bf16)
INSTANCE(retrieve_mixed_f64, double, bf16)
