// SimHash by the fast Hadamard transform: P log P additions in place of the P·P products of a plane matrix.
#include "lanes.h"

namespace {

// One pass over a transform: log2 RADIX of its levels at once, on vectors `stride` apart, without leaving the registers.
template <class T, int RADIX, bool FLIP>
inline void pass(const lanes<T>* from, const T* signs, lanes<T>* to, int64_t size, int64_t stride) {
    for (int64_t base = 0; base < size; base += RADIX * stride) {
        for (int64_t at = base; at < base + stride; at++) {
            lanes<T> v[RADIX];
#pragma GCC unroll 8
            for (int i = 0; i < RADIX; i++) {
                v[i] = from[at + i * stride];
                if (FLIP) v[i] *= signs[at + i * stride];
            }
#pragma GCC unroll 3
            for (int half = 1; half < RADIX; half *= 2) {
#pragma GCC unroll 8
                for (int i = 0; i < RADIX; i++) {
                    if (i & half) continue;
                    const lanes<T> a = v[i], b = v[i + half];
                    v[i] = a + b;
                    v[i + half] = a - b;
                }
            }
#pragma GCC unroll 8
            for (int i = 0; i < RADIX; i++) to[at + i * stride] = v[i];
        }
    }
}

// to = H · diag(signs) · from, H the Hadamard matrix of order `size` ≥ 8 in Sylvester's order; `to` may be `from`.
template <class T>
void flip_and_transform(const lanes<T>* from, const T* signs, lanes<T>* to, int64_t size) {
    pass<T, 8, true>(from, signs, to, size, 1);
    int64_t stride = 8;
    for (; stride * 8 <= size; stride *= 8) pass<T, 8, false>(to, nullptr, to, size, stride);
    if (size / stride == 4) pass<T, 4, false>(to, nullptr, to, size, stride);
    if (size / stride == 2) pass<T, 2, false>(to, nullptr, to, size, stride);
}

// Set the bits of projections `begin` … `end` − 1 of all, which lie at `projected`.
template <class T>
void add_bits(const lanes<T>* projected, const T* limit, int64_t begin, int64_t end, int64_t bits,
              lane_mask<T>* code) {
    for (int64_t q = begin; q < end;) {
        const int64_t table = q / bits, first = table * bits, stop = std::min(end, first + bits);
        lane_mask<T> sum = code[table];
        for (; q < stop; q++) sum |= (projected[q - begin] > limit[q]) & (1 << (q - first));
        code[table] = sum;
    }
}

// Bit q % K of code q / K is [projection q > offset[q]]; projection q is entry q % P of block q / P.
template <class T>
void hash(int64_t threads, int64_t rows, int64_t dim, const T* x, int64_t size, const T* signs, int64_t tables,
          int64_t bits, const T* offset, int32_t* codes) {
    const int64_t planes = tables * bits;
    const std::vector<T> zero(offset ? 0 : planes, T(0));
    const T* limit = offset ? offset : zero.data();
    parallel_chunks(threads, rows, GROUPED_ROWS<T>, [&](int64_t begin, int64_t end) {
        std::vector<lanes<T>> group(size), work(size);
        std::vector<lane_mask<T>> code(code_room<T>(tables));
        for (int64_t first = begin; first < end; first += LANES<T>) {
            load_group(x, rows, dim, first, group.data());
            std::fill(code.begin(), code.end(), lane_mask<T>{});
            for (int64_t q = 0; q < planes; q += size) {
                flip_and_transform(group.data(), signs + 2 * q, work.data(), size);
                flip_and_transform(work.data(), signs + 2 * q + size, work.data(), size);
                add_bits(work.data(), limit, q, std::min(q + size, planes), bits, code.data());
            }
            store_codes<T>(code.data(), rows, tables, first, codes);
        }
    });
}

}  // namespace

EXPORT void hadamard_hash_f32(int64_t threads, int64_t rows, int64_t dim, const float* x, int64_t size,
                              const float* signs, int64_t tables, int64_t bits, const float* offset, int32_t* codes) {
    hash(threads, rows, dim, x, size, signs, tables, bits, offset, codes);
}

EXPORT void hadamard_hash_f64(int64_t threads, int64_t rows, int64_t dim, const double* x, int64_t size,
                              const double* signs, int64_t tables, int64_t bits, const double* offset,
                              int32_t* codes) {
    hash(threads, rows, dim, x, size, signs, tables, bits, offset, codes);
}
