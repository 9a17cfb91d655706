// Kernels with planted faults, and one without: each gate must find what it is there for.
#include "common.cuh"

constexpr int WIDTH = 64;

// Writes x in reverse order by way of shared memory. The others below leave out or change one line of it.
__global__ void clean(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[t] = held[WIDTH - 1 - t];
}

__global__ void missing_barrier(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    out[t] = held[WIDTH - 1 - t];
}

// A shuffle lets the lanes meet, but orders no memory.
__global__ void missing_syncwarp(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x, last = t | (WARP - 1);
    held[t] = t < n ? x[t] : 0;
    const int zero = __shfl_sync(ALL_LANES, 0, 0);
    out[t] = held[last - t % WARP] + zero;
}

__global__ void cross_block_race(const int* x, int* out, int64_t n) {
    out[threadIdx.x] += x[threadIdx.x];  // of two blocks at once
}

__global__ void global_overrun(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    out[t] = t <= n ? x[t] : 0;
}

__global__ void static_shared_overrun(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH - 1);
    int* const at = held;  // so that the bound of the array is not known
    const int t = threadIdx.x;
    at[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[t] = at[t];
}

__global__ void dynamic_shared_overrun(const int* x, int* out, int64_t n) {
    DYNAMIC_SHARED(int, held);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[t] = held[WIDTH - 1 - t];
}

__global__ void divergent_barrier(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t < WARP) __syncthreads();
    out[t] = t < n ? x[t] : 0;
}

__global__ void two_barriers(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t < WARP)
        __syncthreads();
    else
        __syncthreads();
    out[t] = t < n ? x[t] : 0;
}

__global__ void lost_lane(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t % WARP == WARP - 1) return;
    out[t] = __shfl_down_sync(ALL_LANES, t < n ? x[t] : 0, 1);
}

__global__ void spin(const int* x, int* out, int64_t n) {
    while (atomicAdd(out, 0) == 0 && n >= 0) continue;
}

__global__ void shift_too_far(const int* x, int* out, int64_t n) {
    out[threadIdx.x] = x[0] << (threadIdx.x + n);
}
