// Tiles of rows, copied to shared memory sixteen bytes at a time where that is possible.
#pragma once
#include "common.cuh"

struct __align__(16) Vector {
    unsigned words[4];
};

template <class T>
constexpr int WIDE = sizeof(Vector) / sizeof(T);  // numbers of a vector

// Whether rows that lie `stride` numbers apart, the first at x, all begin at a multiple of a vector.
template <class T>
__device__ inline bool in_vectors(const T* x, int64_t stride) {
    return reinterpret_cast<uint64_t>(x) % sizeof(Vector) == 0 && stride % WIDE<T> == 0;
}

// to[i] = from[i], 0 from `count` on; i < WIDE<T>. vectors: `from` begins a vector, as `to` does.
template <class T>
__device__ inline void copy_vector(const T* from, int64_t count, bool vectors, T* to) {
    if (vectors && count >= WIDE<T>) {
        *reinterpret_cast<Vector*>(to) = *reinterpret_cast<const Vector*>(from);
        return;
    }
    for (int i = 0; i < WIDE<T>; i++) to[i] = i < count ? from[i] : T(0);
}
