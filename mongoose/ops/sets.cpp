// Sets of ids: one a sample, or one a batch.
#include "kernel.h"

// Counting sort of n pairs by sample, then each sample's ids sorted and without repeats.
EXPORT void group(int64_t threads, int64_t n, int64_t num_samples, const int64_t* sample, const int64_t* ids,
                  int64_t* grouped, int64_t* offsets) {
    std::vector<int64_t> start(num_samples + 1), size(num_samples);
    for (int64_t i = 0; i < n; i++) start[sample[i] + 1]++;
    for (int64_t b = 0; b < num_samples; b++) start[b + 1] += start[b];
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t i = 0; i < n; i++) grouped[next[sample[i]]++] = ids[i];
    parallel_chunks(threads, num_samples, 16, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            int64_t *first = grouped + start[b], *last = grouped + start[b + 1];
            std::sort(first, last);
            size[b] = std::unique(first, last) - first;
        }
    });
    offsets[0] = 0;
    for (int64_t b = 0; b < num_samples; b++) {
        move_ids(grouped + offsets[b], grouped + start[b], size[b]);
        offsets[b + 1] = offsets[b] + size[b];
    }
}

// A bit map of the ids, and the number of set bits before each word: an id's position is its rank.
EXPORT int64_t distinct(int64_t, int64_t n, int64_t num_items, const int64_t* ids, int64_t* found,
                        int64_t* positions) {
    const int64_t words = num_items / 64 + 1;
    std::vector<uint64_t> members(words);
    std::vector<int64_t> before(words);
    for (int64_t i = 0; i < n; i++) members[ids[i] >> 6] |= uint64_t(1) << (ids[i] & 63);
    int64_t size = 0;
    for (int64_t w = 0; w < words; w++) {
        before[w] = size;
        for (uint64_t rest = members[w]; rest; rest &= rest - 1) found[size++] = w * 64 + __builtin_ctzll(rest);
    }
    for (int64_t i = 0; i < n; i++) {
        const uint64_t lower = members[ids[i] >> 6] & ((uint64_t(1) << (ids[i] & 63)) - 1);
        positions[i] = before[ids[i] >> 6] + __builtin_popcountll(lower);
    }
    return size;
}

EXPORT void contains(int64_t threads, int64_t n, const int64_t* set_ids, const int64_t* set_offsets,
                     const int64_t* sample, const int64_t* ids, uint8_t* found) {
    parallel_chunks(threads, n, 4096, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            found[i] = std::binary_search(set_ids + set_offsets[sample[i]], set_ids + set_offsets[sample[i] + 1], ids[i]);
    });
}
