// Sums over the threads of a block.
#pragma once
#include "common.cuh"

// The sum over the lanes up to this one, itself included.
template <class T>
__device__ inline T warp_scan(T value) {
    for (int by = 1; by < WARP; by *= 2) {
        const T lower = __shfl_up_sync(ALL_LANES, value, by);
        if (lane_id() >= by) value += lower;
    }
    return value;
}

// The sum over the block's threads before this one; total: over all of them. Every thread calls it.
// of_warps: shared, a number a warp; of one dimension and of whole warps is the block.
template <class T>
__device__ inline T sum_before(T value, T* of_warps, T& total) {
    const int warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    const T up_to_here = warp_scan(value);
    __syncthreads();  // what an earlier call wrote has been read
    if (lane_id() == WARP - 1) of_warps[warp] = up_to_here;
    __syncthreads();
    T before = 0;
    total = 0;
    for (int w = 0; w < warps; w++) {
        if (w < warp) before += of_warps[w];
        total += of_warps[w];
    }
    return before + up_to_here - value;
}

// The first index of the ascending keys [n] that is at least `wanted`; n if none is.
template <class T>
__device__ inline int64_t lower_bound(const T* keys, int64_t n, T wanted) {
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (keys[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
