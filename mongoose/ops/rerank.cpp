// The best of each query's candidates: by distance of codes first, where asked, then by inner product.
#include "best.h"

namespace {

constexpr int64_t AHEAD = 8;  // rows between a request to memory and its use

// The positions of the `wanted` smallest distances in 0 … most, ascending; of equal ones the first.
void smallest(const std::vector<int32_t>& distances, int64_t wanted, std::vector<int64_t>& histogram,
              std::vector<int64_t>& positions) {
    std::fill(histogram.begin(), histogram.end(), 0);
    for (int32_t distance : distances) histogram[distance]++;
    int64_t limit = 0, nearer = 0;  // all that are nearer than `limit`, and the first of those at it
    while (nearer + histogram[limit] < wanted) nearer += histogram[limit++];
    int64_t at_limit = wanted - nearer;
    positions.clear();
    for (size_t j = 0; j < distances.size(); j++)
        if (distances[j] < limit || (distances[j] == limit && at_limit-- > 0)) positions.push_back(int64_t(j));
}

void distances_to(const int32_t* query, const int32_t* codes, int64_t tables, const int64_t* ids,
                  int64_t n, std::vector<int32_t>& distances) {
    distances.resize(n);
    for (int64_t j = 0; j < n; j++) {
        if (j + 2 * AHEAD < n) prefetch(codes + ids[j + 2 * AHEAD] * tables, tables * sizeof *codes);
        distances[j] = bits_apart(query, codes + ids[j] * tables, tables);
    }
}

template <class T, class W>
void rerank(int64_t threads, int64_t batch, int64_t dim, int64_t keep, int64_t shortlist, int64_t tables, const T* x,
            const W* weight, const T* bias, const int64_t* ids, const int64_t* offsets, const int32_t* query_codes,
            const int32_t* codes, int64_t* kept, int64_t* found) {
    parallel_chunks(threads, batch, 8, [&](int64_t begin, int64_t end) {
        std::vector<int32_t> distances;
        std::vector<int64_t> histogram(32 * tables + 1), positions;
        Best<T> best(keep);
        for (int64_t b = begin; b < end; b++) {
            const int64_t* candidates = ids + offsets[b];
            int64_t n = offsets[b + 1] - offsets[b];
            const bool cut = shortlist && n > shortlist;
            if (cut) {
                distances_to(query_codes + b * tables, codes, tables, candidates, n, distances);
                smallest(distances, shortlist, histogram, positions);
                n = shortlist;
            }
            auto candidate = [&](int64_t j) { return candidates[cut ? positions[j] : j]; };
            for (int64_t j = 0; j < std::min(n, AHEAD); j++) prefetch(weight + candidate(j) * dim, dim * sizeof(W));
            for (int64_t j = 0; j < n; j++) {
                if (j + AHEAD < n) prefetch(weight + candidate(j + AHEAD) * dim, dim * sizeof(W));
                const int64_t id = candidate(j);
                best.offer(dot(x + b * dim, weight + id * dim, dim) + bias[id], id);
            }
            found[b + 1] = best.drain(kept + b * keep);
        }
    });
    close_up(batch, keep, kept, found);
}

}  // namespace

#define INSTANCE(name, T, W)                                                                                         \
    EXPORT void name(int64_t threads, int64_t batch, int64_t dim, int64_t keep, int64_t shortlist, int64_t tables,   \
                     const T* x, const W* weight, const T* bias, const int64_t* ids, const int64_t* offsets,         \
                     const int32_t* query_codes, const int32_t* codes, int64_t* kept, int64_t* found) {              \
        rerank(threads, batch, dim, keep, shortlist, tables, x, weight, bias, ids, offsets, query_codes, codes, kept, \
               found);                                                                                               \
    }
INSTANCE(rerank_f32, float, float)
INSTANCE(rerank_f64, double, double)
INSTANCE(rerank_mixed_f32, float, bf16)
INSTANCE(rerank_mixed_f64, double, bf16)
