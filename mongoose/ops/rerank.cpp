// The best of each query's candidates, by inner product.
#include "best.h"

namespace {

template <class T, class W>
void rerank(int64_t threads, int64_t batch, int64_t dim, int64_t keep, const T* x, const W* weight, const T* bias,
            const int64_t* ids, const int64_t* offsets, int64_t* kept, int64_t* found) {
    const Scores<T, W> scores{dim, weight, bias};
    parallel_chunks(threads, batch, 8, [&](int64_t begin, int64_t end) {
        Ranking<T> ranking;
        for (int64_t b = begin; b < end; b++) {
            const int64_t n = offsets[b + 1] - offsets[b];
            found[b + 1] = scores.best(x + b * dim, ids + offsets[b], n, keep, ranking, kept + b * keep);
        }
    });
    close_up(batch, keep, kept, found);
}

}  // namespace

#define INSTANCE(name, T, W)                                                                                       \
    EXPORT void name(int64_t threads, int64_t batch, int64_t dim, int64_t keep, const T* x, const W* weight,       \
                     const T* bias, const int64_t* ids, const int64_t* offsets, int64_t* kept, int64_t* found) {   \
        rerank(threads, batch, dim, keep, x, weight, bias, ids, offsets, kept, found);                             \
    }
INSTANCE(rerank_f32, float, float)
INSTANCE(rerank_f64, double, double)
INSTANCE(rerank_mixed_f32, float, bf16)
INSTANCE(rerank_mixed_f64, double, bf16)
