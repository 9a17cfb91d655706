// Packing of sign bits into codes, and distances between codes.
#include "kernel.h"

namespace {

// codes[i, l] = Σ_k 2^k · [projected[i, l·K + k] > offset[l·K + k]]
template <class T>
void pack(int64_t threads, int64_t rows, int64_t tables, int64_t bits, const T* projected, const T* offset,
          int32_t* codes) {
    const int64_t planes = tables * bits;
    const std::vector<T> zero(offset ? 0 : planes, T(0));
    const T* limit = offset ? offset : zero.data();
    parallel_chunks(threads, rows, 256, [&](int64_t begin, int64_t end) {
        std::vector<uint8_t> above(planes);
        for (int64_t i = begin; i < end; i++) {
            for (int64_t p = 0; p < planes; p++) above[p] = projected[i * planes + p] > limit[p];
            for (int64_t l = 0; l < tables; l++) {
                int32_t code = 0;
                for (int64_t k = 0; k < bits; k++) code |= above[l * bits + k] << k;
                codes[i * tables + l] = code;
            }
        }
    });
}

}  // namespace

EXPORT void pack_bits_f32(int64_t threads, int64_t rows, int64_t tables, int64_t bits, const float* projected,
                          const float* offset, int32_t* codes) {
    pack(threads, rows, tables, bits, projected, offset, codes);
}

EXPORT void pack_bits_f64(int64_t threads, int64_t rows, int64_t tables, int64_t bits, const double* projected,
                          const double* offset, int32_t* codes) {
    pack(threads, rows, tables, bits, projected, offset, codes);
}

EXPORT void bit_distance(int64_t threads, int64_t n, const int32_t* a, const int32_t* b, int32_t* distance) {
    parallel_chunks(threads, n, 1 << 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) distance[i] = __builtin_popcount(a[i] ^ b[i]);
    });
}

EXPORT int64_t changed_rows(int64_t threads, int64_t num_rows, int64_t tables, const int32_t* codes,
                            const int32_t* known, int64_t* rows) {
    std::vector<uint8_t> differs(num_rows);
    parallel_chunks(threads, num_rows, 1 << 14, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++)
            differs[i] = std::memcmp(codes + i * tables, known + i * tables, tables * sizeof *codes) != 0;
    });
    int64_t found = 0;
    for (int64_t i = 0; i < num_rows; i++)
        if (differs[i]) rows[found++] = i;
    return found;
}
