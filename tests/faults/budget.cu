// Kernels that NVRTC or ptxas must complain of: each is compiled with nothing else.
#include "common.cuh"

#ifdef REFUSED
// CUDA has no atomic operation for a signed 64-bit number; the emulator takes any type.
__global__ void refused(int64_t* out) { atomicAdd(out, int64_t(1)); }
#endif

// A thousand threads leave 64 registers for 100 values that all live until the end.
__global__ void __launch_bounds__(1024) spilling(const float* x, float* out, int64_t n) {
    float held[100];
#pragma unroll
    for (int i = 0; i < 100; i++) held[i] = x[i * n + threadIdx.x];
    __syncthreads();
#pragma unroll
    for (int i = 99; i >= 0; i--) out[i * n + threadIdx.x] = held[i] - held[(7 * i + 3) % 100];
}

__global__ void shared_too_much(float* out) {
    SHARED_ARRAY(float, held, 256);
    held[threadIdx.x] = out[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = held[255 - threadIdx.x];
}
