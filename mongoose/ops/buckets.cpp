// Hash tables as compressed rows: counting sort of items by code, and retrieval of distinct items.
#include <memory>

#include "spans.h"

namespace {

// A set of integers 0 … n−1 that is read out in ascending order and left empty: 64 members a word, 64 words a summary
// bit, so that reading costs n / 4096 words and those that hold something.
class BitSet {
  public:
    explicit BitSet(int64_t n) : words_(n / 64 + 1), summary_(n / 4096 + 1) {}

    // Whether i was not in the set before.
    bool insert(int64_t i) {
        const uint64_t bit = uint64_t(1) << (i & 63), before = words_[i >> 6];
        words_[i >> 6] = before | bit;
        summary_[i >> 12] |= uint64_t(1) << (i >> 6 & 63);
        return !(before & bit);
    }

    int64_t drain(int64_t* into) {
        int64_t found = 0;
        for (size_t s = 0; s < summary_.size(); s++) {
            for (uint64_t full = summary_[s]; full; full &= full - 1) {
                const int64_t w = int64_t(s) * 64 + __builtin_ctzll(full);
                for (uint64_t members = words_[w]; members; members &= members - 1)
                    into[found++] = w * 64 + __builtin_ctzll(members);
                words_[w] = 0;
            }
            summary_[s] = 0;
        }
        return found;
    }

  private:
    std::vector<uint64_t> words_, summary_;
};

}  // namespace

// items: [L, N], offsets: [L, num_buckets + 1], from codes [N, L].
EXPORT void build_buckets(int64_t threads, int64_t num_items, int64_t num_tables, int64_t num_buckets,
                          const int32_t* codes, int32_t* items, int32_t* offsets) {
    // Sorted by table, a table's codes are read in order, and its open buckets fit the second-level cache.
    std::unique_ptr<int32_t[]> by_table(new int32_t[num_tables * num_items]);
    parallel_chunks(threads, num_items, 1024, [&](int64_t begin, int64_t end) {
        for (int64_t l = 0; l < num_tables; l++)
            for (int64_t i = begin; i < end; i++) by_table[l * num_items + i] = codes[i * num_tables + l];
    });
    parallel_chunks(threads, num_tables, 1, [&](int64_t begin, int64_t end) {
        for (int64_t l = begin; l < end; l++) {
            const int32_t* code = &by_table[l * num_items];
            int32_t* start = offsets + l * (num_buckets + 1);
            std::fill(start, start + num_buckets + 1, 0);
            for (int64_t i = 0; i < num_items; i++) start[code[i] + 1]++;
            for (int64_t c = 0; c < num_buckets; c++) start[c + 1] += start[c];
            std::vector<int32_t> next(start, start + num_buckets);
            int32_t* item = items + l * num_items;
            for (int64_t i = 0; i < num_items; i++) item[next[code[i]]++] = int32_t(i);
        }
    });
}

// Where the buckets of each query lie: spans [B, T, 4]; bounds [B + 1], the most items that queries can have, summed.
EXPORT int64_t locate_buckets(int64_t threads, int64_t num_queries, int64_t num_visits, int64_t num_items,
                              int64_t num_side, int64_t num_buckets, const int32_t* codes, const int64_t* tables,
                              const int32_t* offsets, const int32_t* side_offsets, const float* window, int64_t cap,
                              int64_t* spans, int64_t* bounds) {
    const Tables in{num_items, num_side, num_buckets, offsets, side_offsets};
    bounds[0] = 0;
    parallel_chunks(threads, num_queries, 32, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            int64_t most = 0;
            for (int64_t visit = b * num_visits; visit < (b + 1) * num_visits; visit++) {
                const Span span = in.bucket(tables[visit], codes[visit], window ? window + visit : nullptr, cap);
                most += span.length();
                std::memcpy(spans + visit * 4, &span, sizeof span);
            }
            bounds[b + 1] = std::min(most, num_items);  // they will be distinct
        }
    });
    for (int64_t b = 0; b < num_queries; b++) bounds[b + 1] += bounds[b];
    return bounds[num_queries];
}

// The distinct items in the spans: ids [nnz], offsets [B + 1].
EXPORT void collect_items(int64_t threads, int64_t num_queries, int64_t num_visits, int64_t num_items, int64_t,
                          int64_t, const int32_t* items, const int32_t* side_items, const uint8_t* hidden,
                          const int64_t* spans, int64_t min_count, int64_t enough, const int64_t* bounds, int64_t* ids,
                          int64_t* offsets) {
    offsets[0] = 0;
    const Span* span_of = reinterpret_cast<const Span*>(spans);
    parallel_split(threads, num_queries, [&](int64_t begin, int64_t end) {
        BitSet members(num_items);
        std::vector<uint8_t> tables_with(min_count > 1 ? num_items : 0);
        std::vector<int32_t> touched;
        int64_t distinct = 0;
        auto see = [&](int32_t item) {
            if (min_count <= 1) {
                distinct += members.insert(item);
                return;
            }
            if (!tables_with[item]) touched.push_back(item);
            if (tables_with[item] < 255) tables_with[item]++;
            if (tables_with[item] >= min_count) members.insert(item);
        };
        for (int64_t b = begin; b < end; b++) {
            if (b + 1 < end)
                for (int64_t visit = (b + 1) * num_visits; visit < (b + 2) * num_visits; visit++)
                    prefetch(items + span_of[visit].begin, 4 * std::min<int64_t>(64, span_of[visit].length()));
            distinct = 0;
            for (int64_t visit = b * num_visits; visit < (b + 1) * num_visits; visit++) {
                if (enough && distinct >= enough) break;
                const Span& span = span_of[visit];
                for (int64_t i = span.begin; i < span.end; i++)
                    if (!hidden || !hidden[items[i]]) see(items[i]);
                for (int64_t i = span.side_begin; i < span.side_end; i++) see(side_items[i]);
            }
            offsets[b + 1] = members.drain(ids + bounds[b]);
            for (int32_t item : touched) tables_with[item] = 0;
            touched.clear();
        }
    });
    for (int64_t b = 0; b < num_queries; b++) {
        move_ids(ids + offsets[b], ids + bounds[b], offsets[b + 1]);
        offsets[b + 1] += offsets[b];
    }
}
