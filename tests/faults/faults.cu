// Kernels with planted faults, and one without. All take x [n] and out, which has WIDTH elements a block; a block has
// WIDTH threads, and WIDTH − 1 elements of dynamic shared memory.
#include "common.cuh"

constexpr int WIDTH = 64;

// Writes x in reverse order by way of shared memory.
__global__ void clean(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[blockIdx.x * WIDTH + t] = held[WIDTH - 1 - t];
}

__global__ void missing_barrier(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    out[blockIdx.x * WIDTH + t] = held[WIDTH - 1 - t];
}

// A shuffle lets the lanes meet, but orders no memory.
__global__ void missing_syncwarp(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH);
    const int t = threadIdx.x, last = t | (WARP - 1);
    held[t] = t < n ? x[t] : 0;
    const int zero = __shfl_sync(ALL_LANES, 0, 0);
    out[blockIdx.x * WIDTH + t] = held[last - t % WARP] + zero;
}

__global__ void cross_block_race(const int* x, int* out, int64_t n) {
    out[threadIdx.x] += x[threadIdx.x];  // of two blocks at once
}

__global__ void global_overrun(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    out[blockIdx.x * WIDTH + t] = t <= n ? x[t] : 0;
}

__global__ void static_shared_overrun(const int* x, int* out, int64_t n) {
    SHARED_ARRAY(int, held, WIDTH - 1);
    int* const at = held;  // so that the bound of the array is not known
    const int t = threadIdx.x;
    at[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[blockIdx.x * WIDTH + t] = at[t];
}

__global__ void dynamic_shared_overrun(const int* x, int* out, int64_t n) {
    DYNAMIC_SHARED(int, held);
    const int t = threadIdx.x;
    held[t] = t < n ? x[t] : 0;
    __syncthreads();
    out[blockIdx.x * WIDTH + t] = held[WIDTH - 1 - t];
}

__global__ void divergent_barrier(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t < WARP) __syncthreads();
    out[blockIdx.x * WIDTH + t] = t < n ? x[t] : 0;
}

__global__ void two_barriers(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t < WARP)
        __syncthreads();
    else
        __syncthreads();
    out[blockIdx.x * WIDTH + t] = t < n ? x[t] : 0;
}

__global__ void lost_lane(const int* x, int* out, int64_t n) {
    const int t = threadIdx.x;
    if (t % WARP == WARP - 1) return;
    out[blockIdx.x * WIDTH + t] = __shfl_down_sync(ALL_LANES, t < n ? x[t] : 0, 1);
}

__global__ void spin(const int* x, int* out, int64_t n) {
    while (atomicAdd(out, 0) == 0 && n >= 0) continue;
}

__global__ void shift_too_far(const int* x, int* out, int64_t n) {
    out[blockIdx.x * WIDTH + threadIdx.x] = x[0] << (threadIdx.x + n);
}

__global__ void mixed_meeting(const int* x, int* out, int64_t n) {
    int sum = 0;
    if (threadIdx.x % 2 == 0)
        sum = __shfl_xor_sync(ALL_LANES, x[0], 1);
    else
        sum = __shfl_xor_sync(ALL_LANES, x[0], 1);
    out[blockIdx.x * WIDTH + threadIdx.x] = sum;
}

__global__ void absent_source(const int* x, int* out, int64_t n) {
    if (threadIdx.x % WARP < 16) out[blockIdx.x * WIDTH + threadIdx.x] = __shfl_sync(0x0000ffffu, x[0], 31);
}

__global__ void left_out(const int* x, int* out, int64_t n) {
    if (threadIdx.x < 2) out[blockIdx.x * WIDTH] = __any_sync(1u, x[0]);
}

__global__ void deadlock(const int* x, int* out, int64_t n) {
    if (threadIdx.x % WARP == 0)
        __syncwarp();
    else
        __syncthreads();
    out[blockIdx.x * WIDTH + threadIdx.x] = x[0];
}
