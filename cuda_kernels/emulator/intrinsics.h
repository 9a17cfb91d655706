// Vector types, bit tricks and the arithmetic that CUDA has and C++ lacks.
#pragma once
#include <algorithm>
#include <cstdint>
#include <math.h>

#include "warp_primitives.h"

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) double2 {
    double x, y;
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};

using std::max;
using std::min;

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; i++) reversed |= (x >> i & 1u) << (31 - i);
    return reversed;
}

inline float __int_as_float(int x) { return emulator::from_bits<float>(unsigned(x)); }
inline float __uint_as_float(unsigned x) { return emulator::from_bits<float>(x); }
inline int __float_as_int(float x) { return int(emulator::to_bits(x)); }
inline unsigned __float_as_uint(float x) { return unsigned(emulator::to_bits(x)); }
inline double __longlong_as_double(long long x) { return emulator::from_bits<double>((unsigned long long)x); }
inline long long __double_as_longlong(double x) { return (long long)emulator::to_bits(x); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }

template <class T>
inline T __ldg(const T* at) {
    return *at;
}
