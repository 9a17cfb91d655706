// Mining of triplets: pairs of a sample and a row whose score is small.
#include "common.cuh"

// chosen[j] = [x_b · weight[id] + bias[id] < limit[b]] for the pair j = (b, id). A warp takes a pair, its lanes
// neighbouring columns of both rows. Sums are those of `sampled_matmul`: limits that it computed tie as they should.
template <class T>
__global__ void __launch_bounds__(128)
    choose_pairs(const T* __restrict__ x, const T* __restrict__ weight, const T* __restrict__ bias,
                 const int64_t* __restrict__ samples, const int64_t* __restrict__ ids, const T* __restrict__ limit,
                 int64_t* __restrict__ chosen, int64_t E, int64_t D) {
    const int64_t j = warp_id();
    if (j >= E) return;  // all lanes of the warp
    const int64_t b = samples[j], id = ids[j];
    T sum = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) sum = fma(x[b * D + d], weight[id * D + d], sum);
    sum = warp_sum(sum);
    if (bias) sum += bias[id];
    if (lane_id() == 0) chosen[j] = sum < limit[b];
}
