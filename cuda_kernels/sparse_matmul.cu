// Products with the rows that a ragged set of ids names. Of E entries, sample b owns offsets[b] … offsets[b + 1] − 1.
// Matrices are stored as T, sums are Sum<T>; each is taken in one order, but where atomics are named.
#include "common.cuh"

// products[j] = x_b · weight[ids[j]] + bias[ids[j]], j an entry of sample b.
//
// A warp takes an entry, its lanes neighbouring columns of both rows. x [B, D], weight [N, D], bias [N] or null.
template <class T>
__global__ void __launch_bounds__(128)
    sampled_matmul(const T* __restrict__ x, const T* __restrict__ weight, const int64_t* __restrict__ ids,
                   const int64_t* __restrict__ offsets, const T* __restrict__ bias, T* __restrict__ products,
                   int64_t E, int64_t B, int64_t D) {
    const int64_t entry = warp_id();
    if (entry >= E) return;  // all lanes of the warp
    const int64_t id = ids[entry];
    const T *query = x + segment_of(offsets, B, entry) * D, *row = weight + id * D;
    Sum<T> sum = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) sum = fma(Sum<T>(query[d]), Sum<T>(row[d]), sum);
    sum = warp_sum(sum);
    if (lane_id() == 0) products[entry] = T(bias ? sum + Sum<T>(bias[id]) : sum);
}

// sums[b] = Σ values[j] · weight[ids[j]] over the entries j of sample b. A thread takes a column of a sample.
template <class T>
__global__ void __launch_bounds__(128)
    embedding_bag(const T* __restrict__ weight, const int64_t* __restrict__ ids, const T* __restrict__ values,
                  const int64_t* __restrict__ offsets, T* __restrict__ sums, int64_t B, int64_t D) {
    const int64_t i = thread_id();
    if (i >= B * D) return;
    const int64_t b = i / D, d = i % D, end = offsets[b + 1];
    Sum<T> sum = 0;
    for (int64_t j = offsets[b]; j < end; j++) sum = fma(Sum<T>(values[j]), Sum<T>(weight[ids[j] * D + d]), sum);
    sums[i] = T(sum);
}

// sums[u] = Σ values[j] · x_b over the entries j = order[e] that name row u, of samples b: e from ends[u − 1] to ends[u] − 1.
//
// A thread takes a column of a row, and the entries in the order in which they stand: no sum depends on a schedule.
template <class T>
__global__ void __launch_bounds__(128)
    scatter_segments(const T* __restrict__ x, const T* __restrict__ values, const int64_t* __restrict__ offsets,
                     const int64_t* __restrict__ ends, const int64_t* __restrict__ order, T* __restrict__ sums,
                     int64_t U, int64_t B, int64_t D) {
    const int64_t i = thread_id();
    if (i >= U * D) return;
    const int64_t u = i / D, d = i % D, end = ends[u];
    Sum<T> sum = 0;
    for (int64_t e = u ? ends[u - 1] : 0; e < end; e++) {
        const int64_t j = order[e], b = segment_of(offsets, B, j);
        sum = fma(Sum<T>(values[j]), Sum<T>(x[b * D + d]), sum);
    }
    sums[i] = T(sum);
}

// The same by atomics, for entries in any order: sums [U, D], given as zeros; entry j names row positions[j].
//
// No entry has to be sorted, and a row that all samples name is the work of many threads. Sums round as threads come.
template <class T>
__global__ void __launch_bounds__(128)
    scatter_atomic(const T* __restrict__ x, const T* __restrict__ values, const int64_t* __restrict__ samples,
                   const int64_t* __restrict__ positions, T* __restrict__ sums, int64_t E, int64_t D) {
    const int64_t i = thread_id();
    if (i >= E * D) return;
    const int64_t j = i / D, d = i % D;
    atomicAdd(&sums[positions[j] * D + d], values[j] * x[samples[j] * D + d]);
}
