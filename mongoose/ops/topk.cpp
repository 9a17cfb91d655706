// The largest scores of a stream of blocks.
#include "kernel.h"

namespace {

// best, ids: [B, k], best first; scores: [B, n] of the rows first … first + n − 1.
template <class T>
void merge(int64_t threads, int64_t batch, int64_t n, int64_t k, int64_t first, const T* scores, T* best,
           int64_t* ids) {
    constexpr int64_t STRIDE = 64;  // scores looked at together: hardly any beats the k best so far
    parallel_chunks(threads, batch, 4, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++) {
            const T* row = scores + b * n;
            T* top = best + b * k;
            int64_t* id = ids + b * k;
            int64_t held = std::min(first, k);
            for (int64_t at = 0; at < n; at += STRIDE) {
                const int64_t stop = std::min(n, at + STRIDE);
                T most = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : most)
                for (int64_t j = at; j < stop; j++) most = std::max(most, row[j]);
                if (held == k && !(most > top[k - 1])) continue;
                for (int64_t j = at; j < stop; j++) {
                    if (held == k && !(row[j] > top[k - 1])) continue;
                    int64_t place = held < k ? held++ : k - 1;
                    for (; place > 0 && row[j] > top[place - 1]; place--) {
                        top[place] = top[place - 1];
                        id[place] = id[place - 1];
                    }
                    top[place] = row[j];
                    id[place] = first + j;
                }
            }
        }
    });
}

}  // namespace

#define INSTANCE(T, suffix)                                                                                    \
    EXPORT void merge_topk_##suffix(int64_t threads, int64_t batch, int64_t n, int64_t k, int64_t first,       \
                                    const T* scores, T* best, int64_t* ids) {                                  \
        merge(threads, batch, n, k, first, scores, best, ids);                                                 \
    }
INSTANCE(float, f32)
INSTANCE(double, f64)
