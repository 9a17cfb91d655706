// What all kernels share. The same text is compiled by NVRTC for GPUs and by the machine's compiler for the emulator.
#pragma once

#ifdef CUDA_EMULATOR
#include "cuda_emulator.h"
#else
#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <cstdint>
#endif
// Shared memory by these only: the emulator gives each array its exact size, and fills it with NaN. Of tiles the address
// is a multiple of sixteen bytes.
#define SHARED_ARRAY(T, name, n) __shared__ T name[n]
#define SHARED_TILE(T, name, n) __shared__ __align__(16) T name[n]
#define DYNAMIC_SHARED(T, name)                                       \
    extern __shared__ __align__(16) unsigned char dynamic_shared_[]; \
    T* const name = reinterpret_cast<T*>(dynamic_shared_)
#endif

// The upper half of a float. It is stored; arithmetic is a float's.
struct bfloat16 {
    unsigned short bits;

    bfloat16() = default;
    __device__ explicit bfloat16(float value) {  // rounds to the nearest, ties to even
        const unsigned whole = __float_as_uint(value);
        bits = value == value ? (whole + 0x7fffu + (whole >> 16 & 1u)) >> 16 : 0x7fffu;
    }
    __device__ operator float() const { return __uint_as_float(unsigned(bits) << 16); }
};

// In what values that are stored as T are summed.
template <class T>
struct Summed {
    using type = T;
};
template <>
struct Summed<bfloat16> {
    using type = float;
};
template <class T>
using Sum = typename Summed<T>::type;

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// Where a thread stands: in its warp, in the grid, and its warp in the grid.
__device__ inline int lane_id() { return threadIdx.x % WARP; }
__device__ inline int64_t thread_id() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t warp_id() { return thread_id() / WARP; }
__device__ inline int64_t num_threads() { return int64_t(gridDim.x) * blockDim.x; }

// ∞: NVRTC has no INFINITY.
template <class T>
__device__ inline T infinity() {
    return T(__int_as_float(0x7f800000));
}

// The sum over the lanes of a warp, in every lane; always in the same order.
template <class T>
__device__ inline T warp_sum(T value) {
    for (int with = WARP / 2; with > 0; with /= 2) value += __shfl_xor_sync(ALL_LANES, value, with);
    return value;
}

template <class T>
__device__ inline T warp_max(T value) {
    for (int with = WARP / 2; with > 0; with /= 2) {
        const T other = __shfl_xor_sync(ALL_LANES, value, with);
        value = other > value ? other : value;
    }
    return value;
}

// The last index i of [0, n] with offsets[i] <= at; offsets [n + 1] ascend from 0 and at < offsets[n].
__device__ inline int64_t segment_of(const int64_t* offsets, int64_t n, int64_t at) {
    int64_t low = 0, high = n;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (offsets[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}
