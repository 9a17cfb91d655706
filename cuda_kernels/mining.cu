// Mining of triplets: pairs of a sample and a row whose score is small (or large), gathered.
#include "common.cuh"

// chosen[j] = [x_b · weight[id] + bias[id] < limit[b]] for the pair j = (b, id); or [… > limit[b]]. A warp takes a pair.
template <class T, bool Above>
__global__ void __launch_bounds__(128)
    choose_pairs(const T* __restrict__ x, const T* __restrict__ weight, const T* __restrict__ bias,
                 const int64_t* __restrict__ samples, const int64_t* __restrict__ ids, const T* __restrict__ limit,
                 int* __restrict__ chosen, int64_t E, int64_t D) {
    const int64_t j = warp_id();
    if (j >= E) return;  // all lanes of the warp
    const int64_t b = samples[j], id = ids[j];
    T sum = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) sum = fma(x[b * D + d], weight[id * D + d], sum);
    sum = warp_sum(sum);
    if (bias) sum += bias[id];
    if (lane_id() == 0) chosen[j] = Above ? sum > limit[b] : sum < limit[b];
}

// The chosen pairs, in their order: before[j] is the number of chosen ones up to j, j among them. A thread takes a pair.
__global__ void __launch_bounds__(128)
    gather_pairs(const int* __restrict__ chosen, const int64_t* __restrict__ before,
                 const int64_t* __restrict__ samples, const int64_t* __restrict__ ids,
                 int64_t* __restrict__ chosen_samples, int64_t* __restrict__ chosen_ids, int64_t E) {
    const int64_t j = thread_id();
    if (j >= E || !chosen[j]) return;
    chosen_samples[before[j] - 1] = samples[j];
    chosen_ids[before[j] - 1] = ids[j];
}
