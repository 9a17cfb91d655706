// Groups of rows turned on their side: lane r of vector d is coordinate d of row r. An operation on a vector then works
// on one coordinate of every row of the group, and nothing has to be moved between lanes.
//
// The vectors are the compiler's own (GNU vector types): it maps them to whatever the processor has.
#pragma once

#include <utility>

#include "kernel.h"

constexpr int64_t VECTOR_BYTES = 64;

template <class T>
constexpr int64_t LANES = VECTOR_BYTES / sizeof(T);

template <class T>
struct Vector {
    typedef T type __attribute__((vector_size(VECTOR_BYTES)));
};

template <class T>
using lanes = typename Vector<T>::type;

// What a comparison of lanes gives, all bits set or none; codes are gathered in it too.
template <class T>
using mask_t = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
template <class T>
using lane_mask = lanes<mask_t<T>>;

// a[FROM], b[FROM], a[FROM + 1], b[FROM + 1], …
template <class T, int64_t FROM, size_t... I>
inline lanes<T> interleave(const lanes<T>& a, const lanes<T>& b, std::index_sequence<I...>) {
#ifdef __clang__
    return __builtin_shufflevector(a, b, (FROM + I / 2 + I % 2 * LANES<T>)...);
#else  // g++ has the same only from version 12 on
    return __builtin_shuffle(a, b, lane_mask<T>{(FROM + I / 2 + I % 2 * LANES<T>)...});
#endif
}

// Transpose a square of lanes: interleaving its upper half with its lower does it after log2 LANES times.
template <class T>
inline void transpose(lanes<T>* square) {
    constexpr auto lane = std::make_index_sequence<LANES<T>>();
    constexpr int64_t half = LANES<T> / 2;
    for (int64_t left = LANES<T>; left > 1; left /= 2) {
        lanes<T> mixed[LANES<T>];
        for (int64_t i = 0; i < half; i++) {
            mixed[2 * i] = interleave<T, 0>(square[i], square[i + half], lane);
            mixed[2 * i + 1] = interleave<T, half>(square[i], square[i + half], lane);
        }
        for (int64_t i = 0; i < LANES<T>; i++) square[i] = mixed[i];
    }
}

// group[d] = coordinate d of rows first … first + LANES − 1, for d < dim; rows past the last repeat it.
template <class T>
void load_group(const T* x, int64_t rows, int64_t dim, int64_t first, lanes<T>* group) {
    // Rows are read a few lanes at a time, which the processor does not take for the one stream that it is.
    const int64_t next = first + LANES<T>;
    if (next < rows) prefetch(x + next * dim, std::min(rows - next, LANES<T>) * dim * sizeof(T));
    const T* row[LANES<T>];
    for (int64_t r = 0; r < LANES<T>; r++) row[r] = x + std::min(first + r, rows - 1) * dim;
    int64_t d = 0;
    for (; d + LANES<T> <= dim; d += LANES<T>) {
        for (int64_t r = 0; r < LANES<T>; r++) std::memcpy(&group[d + r], row[r] + d, VECTOR_BYTES);
        transpose<T>(group + d);
    }
    for (; d < dim; d++) {
        for (int64_t r = 0; r < LANES<T>; r++) group[d][r] = row[r][d];
    }
}

// Rows of a chunk: whole groups, enough to be worth handing to a thread.
template <class T>
constexpr int64_t GROUPED_ROWS = 32 * LANES<T>;

// codes[first + r, l] = lane r of code[l], for the rows that exist. Spoils `code`, which has room for whole squares.
template <class T>
void store_codes(lane_mask<T>* code, int64_t rows, int64_t tables, int64_t first, int32_t* codes) {
    const int64_t count = std::min(LANES<T>, rows - first);
    for (int64_t from = 0; from < tables; from += LANES<T>) {
        const int64_t width = std::min(LANES<T>, tables - from);
        transpose<mask_t<T>>(code + from);
        for (int64_t r = 0; r < count; r++) {
            int32_t* out = codes + (first + r) * tables + from;
            for (int64_t l = 0; l < width; l++) out[l] = static_cast<int32_t>(code[from + r][l]);
        }
    }
}

// `tables` rounded up to whole squares.
template <class T>
int64_t code_room(int64_t tables) {
    return (tables + LANES<T> - 1) / LANES<T> * LANES<T>;
}
