// Products with the rows that a ragged set of ids names. Sample b owns the entries offsets[b] … offsets[b + 1] − 1.
#include "kernel.h"

namespace {

constexpr int64_t AHEAD = 8;  // rows between a request to memory and its use

template <class T>
void bag(int64_t threads, int64_t batch, int64_t dim, const T* weight, const int64_t* ids, const T* values,
         const int64_t* offsets, T* sums) {
    parallel_chunks(threads, batch, 8, [&](int64_t begin, int64_t end) {
        const int64_t last = offsets[end];
        for (int64_t b = begin; b < end; b++) {
            T* sum = sums + b * dim;
            std::fill(sum, sum + dim, T(0));
            for (int64_t j = offsets[b]; j < offsets[b + 1]; j++) {
                if (j + AHEAD < last) prefetch(weight + ids[j + AHEAD] * dim, dim * sizeof(T));
                add_scaled(sum, values[j], weight + ids[j] * dim, dim);
            }
        }
    });
}

template <class T>
void sddmm(int64_t threads, int64_t batch, int64_t dim, const T* x, const T* weight, const int64_t* ids,
           const int64_t* offsets, const T* bias, T* products) {
    parallel_chunks(threads, batch, 4, [&](int64_t begin, int64_t end) {
        const int64_t last = offsets[end];
        for (int64_t b = begin; b < end; b++)
            for (int64_t j = offsets[b]; j < offsets[b + 1]; j++) {
                if (j + AHEAD < last) prefetch(weight + ids[j + AHEAD] * dim, dim * sizeof(T));
                products[j] = dot(x + b * dim, weight + ids[j] * dim, dim) + (bias ? bias[ids[j]] : T(0));
            }
    });
}

// Row u sums over entries[start[u]] … entries[start[u + 1] − 1].
template <class T>
void scatter(int64_t threads, int64_t num_rows, int64_t batch, int64_t dim, const T* x, const T* values,
             const int64_t* offsets, const int64_t* start, const int64_t* entries, T* sums) {
    std::vector<int32_t> sample(offsets[batch]);
    for (int64_t b = 0; b < batch; b++) std::fill(sample.begin() + offsets[b], sample.begin() + offsets[b + 1], int32_t(b));
    parallel_chunks(threads, num_rows, 256, [&](int64_t begin, int64_t end) {
        for (int64_t u = begin; u < end; u++) {
            T* sum = sums + u * dim;
            std::fill(sum, sum + dim, T(0));
            for (int64_t e = start[u]; e < start[u + 1]; e++)
                add_scaled(sum, values[entries[e]], x + sample[entries[e]] * dim, dim);
        }
    });
}

}  // namespace

#define INSTANCE(T, suffix)                                                                                          \
    EXPORT void embedding_bag_##suffix(int64_t threads, int64_t batch, int64_t dim, const T* weight,                 \
                                       const int64_t* ids, const T* values, const int64_t* offsets, T* sums) {       \
        bag(threads, batch, dim, weight, ids, values, offsets, sums);                                                \
    }                                                                                                                \
    EXPORT void sampled_matmul_##suffix(int64_t threads, int64_t batch, int64_t dim, const T* x, const T* weight,    \
                                        const int64_t* ids, const int64_t* offsets, const T* bias, T* products) {    \
        sddmm(threads, batch, dim, x, weight, ids, offsets, bias, products);                                         \
    }                                                                                                                \
    EXPORT void scatter_rows_##suffix(int64_t threads, int64_t num_rows, int64_t batch, int64_t dim, const T* x,     \
                                      const T* values, const int64_t* offsets, const int64_t* start,                 \
                                      const int64_t* entries, T* sums) {                                             \
        scatter(threads, num_rows, batch, dim, x, values, offsets, start, entries, sums);                            \
    }
INSTANCE(float, f32)
INSTANCE(double, f64)

// Entries by the id they name: rows [U], ascending; row u is named by entries[start[u]] … entries[start[u + 1] − 1].
EXPORT int64_t group_entries(int64_t, int64_t n, int64_t num_items, const int64_t* ids, int64_t* rows, int64_t* start,
                             int64_t* entries) {
    const int64_t words = num_items / 64 + 1;
    std::vector<uint64_t> members(words);
    std::vector<int32_t> before(words), position(n);
    for (int64_t j = 0; j < n; j++) members[ids[j] >> 6] |= uint64_t(1) << (ids[j] & 63);
    int64_t size = 0;
    for (int64_t w = 0; w < words; w++) {
        before[w] = int32_t(size);
        for (uint64_t rest = members[w]; rest; rest &= rest - 1) rows[size++] = w * 64 + __builtin_ctzll(rest);
    }
    std::fill(start, start + size + 1, 0);
    for (int64_t j = 0; j < n; j++) {
        const uint64_t lower = members[ids[j] >> 6] & ((uint64_t(1) << (ids[j] & 63)) - 1);
        position[j] = before[ids[j] >> 6] + __builtin_popcountll(lower);
        start[position[j] + 1]++;
    }
    for (int64_t u = 0; u < size; u++) start[u + 1] += start[u];
    std::vector<int64_t> next(start, start + size);
    for (int64_t j = 0; j < n; j++) entries[next[position[j]]++] = j;
    return size;
}
