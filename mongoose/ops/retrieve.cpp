// Look codes up and rank what is found, in one pass.
#include "best.h"
#include "spans.h"

namespace {

constexpr int64_t AHEAD = 8;  // rows between a request to memory and its use

// What one thread needs for a query after another.
template <class T, class W>
class Query {
  public:
    Query(int64_t num_items, int64_t tables, int64_t dim, int64_t keep, int64_t shortlist, const W* weight,
          const T* bias, const int32_t* codes)
        : tables_(tables),
          dim_(dim),
          shortlist_(shortlist),
          weight_(weight),
          bias_(bias),
          codes_(codes),
          seen_(num_items / 64 + 1),
          histogram_(32 * tables + 1),
          best_(keep) {}

    void see(int64_t id) {
        uint64_t& word = seen_[id >> 6];
        const uint64_t bit = uint64_t(1) << (id & 63);
        if (word & bit) return;
        word |= bit;
        ids_.push_back(id);
        if (shortlist_) prefetch(codes_ + id * tables_, tables_ * sizeof *codes_);
    }

    int64_t finish(const T* x, const int32_t* code, int64_t* kept) {
        for (int64_t id : ids_) seen_[id >> 6] = 0;
        if (shortlist_ && int64_t(ids_.size()) > shortlist_) cut(code);
        const int64_t n = ids_.size();
        for (int64_t j = 0; j < std::min(n, AHEAD); j++) fetch(j);
        for (int64_t j = 0; j < n; j++) {
            if (j + AHEAD < n) fetch(j + AHEAD);
            best_.offer(dot(x, weight_ + ids_[j] * dim_, dim_) + bias_[ids_[j]], ids_[j]);
        }
        ids_.clear();
        return best_.drain(kept);
    }

  private:
    void fetch(int64_t j) const { prefetch(weight_ + ids_[j] * dim_, dim_ * sizeof(W)); }

    // Leave the `shortlist` ids with the nearest codes; of those at the limit the lowest.
    void cut(const int32_t* code) {
        const int64_t n = ids_.size();
        distances_.resize(n);
        std::fill(histogram_.begin(), histogram_.end(), 0);
        for (int64_t j = 0; j < n; j++) {
            distances_[j] = bits_apart(code, codes_ + ids_[j] * tables_, tables_);
            histogram_[distances_[j]]++;
        }
        int64_t limit = 0, nearer = 0;
        while (nearer + histogram_[limit] < shortlist_) nearer += histogram_[limit++];
        near_.clear();
        at_limit_.clear();
        for (int64_t j = 0; j < n; j++) {
            if (distances_[j] < limit) near_.push_back(ids_[j]);
            if (distances_[j] == limit) at_limit_.push_back(ids_[j]);
        }
        const auto last = at_limit_.begin() + (shortlist_ - nearer);
        std::nth_element(at_limit_.begin(), last, at_limit_.end());
        near_.insert(near_.end(), at_limit_.begin(), last);
        ids_.swap(near_);
    }

    int64_t tables_, dim_, shortlist_;
    const W* weight_;
    const T* bias_;
    const int32_t* codes_;
    std::vector<uint64_t> seen_;
    std::vector<int64_t> histogram_, ids_, near_, at_limit_;
    std::vector<int32_t> distances_;
    Best<T> best_;
};

template <class T, class W>
void retrieve(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side,
              int64_t num_buckets, int64_t cap, int64_t keep, int64_t shortlist, const T* x, const W* weight,
              const T* bias, const int32_t* query_codes, const int32_t* codes, const int32_t* items,
              const int32_t* offsets, const int32_t* side_items, const int32_t* side_offsets, const uint8_t* hidden,
              const float* window, int64_t* kept, int64_t* found) {
    const Tables in{num_items, num_side, num_buckets, offsets, side_offsets};
    parallel_split(threads, batch, [&](int64_t begin, int64_t end) {
        Query<T, W> query(num_items, tables, dim, keep, shortlist, weight, bias, codes);
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
            found[b + 1] = query.finish(x + b * dim, query_codes + b * tables, kept + b * keep);
        }
    });
    close_up(batch, keep, kept, found);
}

}  // namespace

#define INSTANCE(name, T, W)                                                                                          \
    EXPORT void name(int64_t threads, int64_t batch, int64_t dim, int64_t num_items, int64_t tables, int64_t num_side, \
                     int64_t num_buckets, int64_t cap, int64_t keep, int64_t shortlist, const T* x, const W* weight,  \
                     const T* bias, const int32_t* query_codes, const int32_t* codes, const int32_t* items,           \
                     const int32_t* offsets, const int32_t* side_items, const int32_t* side_offsets,                  \
                     const uint8_t* hidden, const float* window, int64_t* kept, int64_t* found) {                     \
        retrieve(threads, batch, dim, num_items, tables, num_side, num_buckets, cap, keep, shortlist, x, weight,      \
                 bias, query_codes, codes, items, offsets, side_items, side_offsets, hidden, window, kept, found);    \
    }
INSTANCE(retrieve_f32, float, float)
INSTANCE(retrieve_f64, double, double)
INSTANCE(retrieve_mixed_f32, float, bf16)
INSTANCE(retrieve_mixed_f64, double, bf16)
