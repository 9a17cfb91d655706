// Products of small matrices that lie in cache, each row of the right one and of the result whole vectors.
#pragma once

#include "lanes.h"

// T up to whole vectors.
template <class T>
constexpr int64_t whole(int64_t n) {
    return (n + LANES<T> - 1) / LANES<T> * LANES<T>;
}

// A matrix read an element at a time: entry (i, k) is at[i · row + k · step].
template <class T>
struct Left {
    const T* at;
    int64_t row, step;
};

// R rows of V vectors of `into` stay in registers.
template <class T, int R, int V>
inline void product_tile(int64_t inner, Left<T> a, const T* b, int64_t stride, T* into, int64_t into_stride, bool add) {
    lanes<T> sum[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            sum[r][v] = lanes<T>{};
            if (add) std::memcpy(&sum[r][v], into + r * into_stride + v * LANES<T>, VECTOR_BYTES);
        }
    for (int64_t k = 0; k < inner; k++) {
        lanes<T> right[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) std::memcpy(&right[v], b + k * stride + v * LANES<T>, VECTOR_BYTES);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const T left = a.at[r * a.row + k * a.step];
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) sum[r][v] += left * right[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) std::memcpy(into + r * into_stride + v * LANES<T>, &sum[r][v], VECTOR_BYTES);
}

template <class T, int V>
void product_columns(int64_t rows, int64_t inner, Left<T> a, const T* b, int64_t stride, T* into, int64_t into_stride,
                     bool add) {
    int64_t i = 0;
    const auto from = [&](int64_t row) { return Left<T>{a.at + row * a.row, a.row, a.step}; };
    for (; i + 6 <= rows; i += 6)
        product_tile<T, 6, V>(inner, from(i), b, stride, into + i * into_stride, into_stride, add);
    for (; i + 2 <= rows; i += 2)
        product_tile<T, 2, V>(inner, from(i), b, stride, into + i * into_stride, into_stride, add);
    for (; i < rows; i++)
        product_tile<T, 1, V>(inner, from(i), b, stride, into + i * into_stride, into_stride, add);
}

// into[i, j] = (add ? into[i, j] : 0) + Σ_k a(i, k) · b[k, j], for i < rows, j < columns, k < inner.
// `columns` are whole vectors, b and into have strides of whole vectors.
template <class T>
void block_product(int64_t rows, int64_t columns, int64_t inner, Left<T> a, const T* b, int64_t stride, T* into,
                   int64_t into_stride, bool add) {
    int64_t j = 0;
    for (; j + 4 * LANES<T> <= columns; j += 4 * LANES<T>)
        product_columns<T, 4>(rows, inner, a, b + j, stride, into + j, into_stride, add);
    for (; j < columns; j += LANES<T>)
        product_columns<T, 1>(rows, inner, a, b + j, stride, into + j, into_stride, add);
}
