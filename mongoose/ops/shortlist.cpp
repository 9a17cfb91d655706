// Scores estimated from stored codes.
#include "best.h"

EXPORT void shortlist(int64_t threads, int64_t batch, int64_t tables, int64_t num_bits, int64_t size,
                      const int64_t* ids, const int64_t* offsets, const int32_t* query_codes, const int32_t* codes,
                      const float* radius, const float* traits, int64_t* kept, int64_t* found) {
    const Estimates estimates(tables, num_bits, codes, traits);
    parallel_chunks(threads, batch, 8, [&](int64_t begin, int64_t end) {
        constexpr int64_t AHEAD = 16;  // candidates between a request to memory and its use
        Best<float> best(size);
        for (int64_t b = begin; b < end; b++) {
            for (int64_t j = offsets[b]; j < offsets[b + 1]; j++) {
                if (j + AHEAD < offsets[b + 1]) estimates.fetch(ids[j + AHEAD]);
                best.offer(estimates.of(query_codes + b * tables, radius ? radius[b] : 1, ids[j]), ids[j]);
            }
            found[b + 1] = best.drain(kept + b * size);
        }
    });
    close_up(batch, size, kept, found);
}

namespace {

template <class T>
inline T distance(const T* __restrict row, const T* __restrict centre, int64_t dim) {
    T squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t d = 0; d < dim; d++) squares += (row[d] - centre[d]) * (row[d] - centre[d]);
    return std::sqrt(squares);
}

template <class T>
void traits_of(int64_t threads, int64_t num_rows, int64_t dim, const T* weight, const T* centre, const T* direction,
               float* traits) {
    parallel_chunks(threads, num_rows, 4096, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const T* row = weight + i * dim;
            traits[2 * i] = float(distance(row, centre, dim));
            traits[2 * i + 1] = float(dot(row, direction, dim));
        }
    });
}

}  // namespace

EXPORT void row_traits_f32(int64_t threads, int64_t num_rows, int64_t dim, const float* weight, const float* centre,
                           const float* direction, float* traits) {
    traits_of(threads, num_rows, dim, weight, centre, direction, traits);
}

EXPORT void row_traits_f64(int64_t threads, int64_t num_rows, int64_t dim, const double* weight, const double* centre,
                           const double* direction, float* traits) {
    traits_of(threads, num_rows, dim, weight, centre, direction, traits);
}
