// Packing of sign bits into codes, and distances between codes.
#include "kernel.h"

namespace {

constexpr int64_t LANES = 16;  // rows whose codes are put together at once

// codes[i] |= 2^k where projected[i] > offset, for LANES rows.
template <class T>
inline void set_bit(const T* __restrict projected, T offset, int64_t k, int32_t* __restrict codes) {
    for (int64_t i = 0; i < LANES; i++) codes[i] |= int32_t(projected[i] > offset) << k;
}

// codes[i, l] = Σ_k 2^k · [projected[l·K + k, i] > offset[l·K + k]]; rows of `projected` are `stride` apart, and can be
// read LANES at a time.
template <class T>
void pack(int64_t threads, int64_t rows, int64_t stride, int64_t tables, int64_t bits, const T* projected,
          const T* offset, int32_t* codes) {
    parallel_chunks(threads, rows, 32 * LANES, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at += LANES)
            for (int64_t l = 0; l < tables; l++) {
                int32_t lane[LANES] = {};
                for (int64_t k = 0; k < bits; k++) {
                    const int64_t plane = l * bits + k;
                    set_bit(projected + plane * stride + at, offset ? offset[plane] : T(0), k, lane);
                }
                const int64_t last = std::min(LANES, end - at);
                for (int64_t i = 0; i < last; i++) codes[(at + i) * tables + l] = lane[i];
            }
    });
}

}  // namespace

EXPORT void pack_bits_f32(int64_t threads, int64_t rows, int64_t stride, int64_t tables, int64_t bits,
                          const float* projected, const float* offset, int32_t* codes) {
    pack(threads, rows, stride, tables, bits, projected, offset, codes);
}

EXPORT void pack_bits_f64(int64_t threads, int64_t rows, int64_t stride, int64_t tables, int64_t bits,
                          const double* projected, const double* offset, int32_t* codes) {
    pack(threads, rows, stride, tables, bits, projected, offset, codes);
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
