// Draws from a discrete distribution by inverting its cumulative sums.
#include "common.cuh"

// found[i] = the first item whose cumulative weight exceeds uniform[i] · cumulative[N − 1]; at most N − 1.
__global__ void __launch_bounds__(128)
    inverse_cdf(const double* __restrict__ uniform, const double* __restrict__ cumulative, int64_t* __restrict__ found,
                int64_t n, int64_t N) {
    const int64_t i = thread_id();
    if (i >= n) return;
    const double wanted = uniform[i] * cumulative[N - 1];
    int64_t low = 0, high = N - 1;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (cumulative[middle] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    found[i] = low;
}
