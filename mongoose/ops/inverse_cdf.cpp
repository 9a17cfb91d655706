// Draws from a discrete distribution by inverting its cumulative sums.
#include "kernel.h"

// Binary search, several at a time: each waits for memory at every step, together they wait once.
EXPORT void inverse_cdf(int64_t threads, int64_t n, int64_t num_items, const double* uniform,
                        const double* cumulative, int64_t* found) {
    constexpr int64_t TOGETHER = 32;
    const double total = cumulative[num_items - 1];
    parallel_chunks(threads, n, 1024, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at += TOGETHER) {
            const int64_t m = std::min(TOGETHER, end - at);
            int64_t base[TOGETHER] = {};
            double wanted[TOGETHER];
            for (int64_t i = 0; i < m; i++) wanted[i] = uniform[at + i] * total;
            for (int64_t length = num_items; length > 1; length -= length / 2)
                for (int64_t i = 0; i < m; i++)  // a product, not a branch: nobody can predict this one
                    base[i] += (cumulative[base[i] + length / 2 - 1] <= wanted[i]) * (length / 2);
            for (int64_t i = 0; i < m; i++)
                found[at + i] = std::min(num_items - 1, base[i] + (cumulative[base[i]] <= wanted[i]));
        }
    });
}
