// Scores estimated from what is known of rows, and the candidates whose estimates are largest.
#include "best.h"

EXPORT void shortlist(int64_t threads, int64_t batch, int64_t tables, int64_t num_bits, int64_t size,
                      const int64_t* ids, const int64_t* offsets, const int32_t* query_codes, const Digest* rows,
                      const float* radius, int64_t* kept, int64_t* found) {
    const Estimates estimates(tables, num_bits, rows);
    parallel_chunks(threads, batch, 8, [&](int64_t begin, int64_t end) {
        Ranking<float> ranking;
        for (int64_t b = begin; b < end; b++) {
            const int64_t* own = ids + offsets[b];
            const int64_t n = offsets[b + 1] - offsets[b];
            estimates.of(query_codes + b * tables, radius ? radius + b : nullptr, own, n, ranking.keys(n));
            found[b + 1] = ranking.best(own, n, size, kept + b * size);
            std::sort(kept + b * size, kept + b * size + found[b + 1]);
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
void describe(int64_t threads, int64_t num_rows, int64_t dim, int64_t tables, int64_t num_bits, const T* weight,
              const int32_t* codes, const T* centre, const T* direction, Digest* rows) {
    const Sketcher sketcher(tables, num_bits);
    parallel_chunks(threads, num_rows, 4096, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const T* row = weight + i * dim;
            const T prior = dot(row, direction, dim);
            rows[i] = {sketcher.of(codes + i * tables), float(distance(row, centre, dim)), float(prior)};
        }
    });
}

}  // namespace

#define INSTANCE(T, suffix)                                                                                        \
    EXPORT void describe_rows_##suffix(int64_t threads, int64_t num_rows, int64_t dim, int64_t tables,            \
                                       int64_t num_bits, const T* weight, const int32_t* codes,    \
                                       const T* centre, const T* direction, Digest* rows) {                       \
        describe(threads, num_rows, dim, tables, num_bits, weight, codes, centre, direction, rows);          \
    }
INSTANCE(float, f32)
INSTANCE(double, f64)
