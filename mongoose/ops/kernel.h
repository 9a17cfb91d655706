// What every kernel shares: the C ABI's conventions, loops over threads, small vector arithmetic.
//
// A kernel is exported as `name` or `name_f32`, `name_f64`; it takes the number of threads first, arrays as pointers,
// integers as int64_t and reals as double. Shapes were checked by the caller.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#ifdef MONGOOSE_STD_THREADS  // ThreadSanitizer knows std::thread; it does not know GNU's OpenMP runtime
#include <thread>
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

// Call `body(begin, end)` for consecutive chunks of 0 … n, on several threads.
template <class Body>
void parallel_chunks(int64_t threads, int64_t n, int64_t grain, const Body& body) {
    const int64_t chunks = (n + grain - 1) / grain;
    const int64_t workers = std::max<int64_t>(1, std::min(threads, chunks));
#ifdef MONGOOSE_STD_THREADS
    // Chunks are dealt out, not taken: every thread has some, and no shared counter orders what they do.
    auto work = [&](int64_t worker) {
        for (int64_t c = worker; c < chunks; c += workers) body(c * grain, std::min(n, (c + 1) * grain));
    };
    std::vector<std::thread> pool;
    for (int64_t worker = 1; worker < workers; worker++) pool.emplace_back(work, worker);
    work(0);
    for (auto& thread : pool) thread.join();
#else
#pragma omp parallel for schedule(dynamic) num_threads(workers) if (workers > 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) body(chunk * grain, std::min(n, (chunk + 1) * grain));
#endif
}

// One chunk a thread, for bodies that set up scratch memory of their own.
template <class Body>
void parallel_split(int64_t threads, int64_t n, const Body& body) {
    parallel_chunks(threads, n, std::max<int64_t>(1, (n + threads - 1) / threads), body);
}

constexpr int64_t CACHE_LINE = 64;

inline void prefetch(const void* address, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += CACHE_LINE) __builtin_prefetch(static_cast<const char*>(address) + at);
}

// std::memmove that may be told to move nothing from nowhere.
inline void move_ids(int64_t* to, const int64_t* from, int64_t n) {
    if (n) std::memmove(to, from, n * sizeof *to);
}

struct bf16 {
    uint16_t bits;
    bf16() = default;
    bf16(float value) {  // to the nearest, ties to even
        if (value != value) value = std::numeric_limits<float>::quiet_NaN();  // of which rounding makes no number
        const uint32_t wide = __builtin_bit_cast(uint32_t, value);
        bits = uint16_t((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
    }
    operator float() const { return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16); }
};

// The type in which products of T are summed.
template <class T>
using sum_t = std::conditional_t<std::is_same_v<T, double>, double, float>;

// eˣ in a form that the compiler turns into vector code; at most 2 units in the last place off for x ≤ 0.
inline float exp_of(float x) {
    x = x < -87.0f ? -87.0f : x;
    const float n = std::nearbyint(x * 1.44269504f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return p * __builtin_bit_cast(float, (static_cast<int32_t>(n) + 127) << 23);
}

inline double exp_of(double x) { return std::exp(x); }

template <class X, class W>
inline sum_t<X> dot(const X* __restrict x, const W* __restrict w, int64_t dim) {
    sum_t<X> sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < dim; d++) sum += x[d] * static_cast<sum_t<X>>(w[d]);
    return sum;
}

template <class T>
inline void add_scaled(T* __restrict into, T scale, const T* __restrict row, int64_t dim) {
#pragma omp simd
    for (int64_t d = 0; d < dim; d++) into[d] += scale * row[d];
}
