// Tiles of rows, copied to shared memory sixteen bytes at a time where that is possible, and past the registers where an
// architecture can, so that a thread has many copies under way.
#pragma once
#include "common.cuh"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define COPIES_ON_THEIR_OWN
#endif

struct __align__(16) Vector {
    unsigned words[4];
};

template <class T>
constexpr int WIDE = sizeof(Vector) / sizeof(T);  // numbers of a vector

// The numbers of a vector.
template <class T>
struct __align__(16) Numbers {
    T of[WIDE<T>];
};

template <class T>
__device__ inline Numbers<T> numbers_at(const T* x) {
    return *reinterpret_cast<const Numbers<T>*>(x);
}

// Whether rows that lie `stride` numbers apart, the first at x, all begin at a multiple of a vector.
template <class T>
__device__ inline bool in_vectors(const T* x, int64_t stride) {
    return reinterpret_cast<uint64_t>(x) % sizeof(Vector) == 0 && stride % WIDE<T> == 0;
}

// to[i] = from[i], 0 from `count` on; i < WIDE<T>. vectors: `from` begins a vector, as `to` does. It is there, for this
// thread, after wait_for_copies.
template <class T>
__device__ inline void copy_vector(const T* from, int64_t count, bool vectors, T* to) {
#ifdef COPIES_ON_THEIR_OWN
    if (vectors) {
        const int bytes = int(max(int64_t(0), min(int64_t(WIDE<T>), count)) * sizeof(T));
        const unsigned at = unsigned(__cvta_generic_to_shared(to));
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes) : "memory");
        return;
    }
#endif
    if (vectors && count >= WIDE<T>)
        *reinterpret_cast<Vector*>(to) = *reinterpret_cast<const Vector*>(from);
    else
        for (int i = 0; i < WIDE<T>; i++) to[i] = i < count ? from[i] : T(0);
}

__device__ inline void wait_for_copies() {
#ifdef COPIES_ON_THEIR_OWN
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}
