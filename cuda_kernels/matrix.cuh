// Products of bfloat16 matrices by a warp, summed in float32: by matrix units where an architecture has them for
// bfloat16, else by shuffles, which is also what the emulator runs.
#pragma once
#include "common.cuh"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define MATRIX_UNITS
#endif

constexpr int SIDE = 16;  // of a matrix that a warp holds

// Where the lanes of a warp hold the numbers of a matrix, [SIDE, SIDE]. A lane has those of two rows, in either half of
// the columns two neighbours. Source: PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type".
__device__ inline int held_row(int second) { return lane_id() / 4 + 8 * second; }
__device__ inline int held_column(int half) { return 8 * half + 2 * (lane_id() % 4); }

// A matrix in bfloat16; pairs[second + 2 half] holds two numbers, the left one in the lower bits.
struct Factor {
    unsigned pairs[4];
};

// A matrix in float32; of[half][2 second], and the next, are two neighbours.
struct Product {
    float of[2][4];
};

__device__ inline unsigned pair_of(float left, float right) {
#ifdef MATRIX_UNITS
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(right), "f"(left));
    return pair;
#else
    return bfloat16(left).bits | unsigned(bfloat16(right).bits) << 16;
#endif
}

// Rounded to the nearest; a lane holds the same places of both.
__device__ inline Factor rounded(const Product& x) {
    return {{pair_of(x.of[0][0], x.of[0][1]), pair_of(x.of[0][2], x.of[0][3]), pair_of(x.of[1][0], x.of[1][1]),
             pair_of(x.of[1][2], x.of[1][3])}};
}

#ifdef MATRIX_UNITS

// Four matrices of 8 × 8, whose rows lanes 8 i … 8 i + 7 point to.
__device__ inline Factor load_by_rows(const bfloat16* row, bool transposed) {
    Factor x;
    const unsigned at = unsigned(__cvta_generic_to_shared(row));
    if (transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(x.pairs[0]), "=r"(x.pairs[1]), "=r"(x.pairs[2]), "=r"(x.pairs[3])
                     : "r"(at)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(x.pairs[0]), "=r"(x.pairs[1]), "=r"(x.pairs[2]), "=r"(x.pairs[3])
                     : "r"(at)
                     : "memory");
    return x;
}

// x[i, j] = from[i · stride + j]; `from` in shared memory, rows begin at multiples of sixteen bytes.
__device__ inline Factor load(const bfloat16* from, int stride) {
    return load_by_rows(from + lane_id() % 16 * stride + lane_id() / 16 * 8, false);
}

// x[i, j] = from[j · stride + i].
__device__ inline Factor load_transposed(const bfloat16* from, int stride) {
    return load_by_rows(from + (lane_id() % 8 + lane_id() / 16 * 8) * stride + lane_id() / 8 % 2 * 8, true);
}

// sums += a bᵀ.
__device__ inline void add_product(Product& sums, const Factor& a, const Factor& b) {
#pragma unroll
    for (int half = 0; half < 2; half++)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                     "{%0, %1, %2, %3};"
                     : "+f"(sums.of[half][0]), "+f"(sums.of[half][1]), "+f"(sums.of[half][2]), "+f"(sums.of[half][3])
                     : "r"(a.pairs[0]), "r"(a.pairs[1]), "r"(a.pairs[2]), "r"(a.pairs[3]), "r"(b.pairs[half]),
                       "r"(b.pairs[half + 2]));
}

#else

__device__ inline Factor load(const bfloat16* from, int stride) {
    Factor x;
#pragma unroll
    for (int p = 0; p < 4; p++) {
        const bfloat16* const at = from + held_row(p % 2) * stride + held_column(p / 2);
        x.pairs[p] = at[0].bits | unsigned(at[1].bits) << 16;
    }
    return x;
}

__device__ inline Factor load_transposed(const bfloat16* from, int stride) {
    Factor x;
#pragma unroll
    for (int p = 0; p < 4; p++) {
        const bfloat16* const at = from + held_column(p / 2) * stride + held_row(p % 2);
        x.pairs[p] = at[0].bits | unsigned(at[stride].bits) << 16;
    }
    return x;
}

// What a lane holds of a half of the columns: the pair of its first row in the lower bits, that of its second above.
__device__ inline uint64_t half_of(const Factor& x, int half) {
    return x.pairs[2 * half] | uint64_t(x.pairs[2 * half + 1]) << 32;
}

// One of the four numbers of such a half.
__device__ inline float number_of(uint64_t held, int second, int right) {
    return __uint_as_float(unsigned(held >> (32 * second + 16 * right) & 0xffffu) << 16);
}

__device__ inline void add_product(Product& sums, const Factor& a, const Factor& b) {
    const int row = lane_id() / 4, column = held_column(0);
#pragma unroll
    for (int k = 0; k < SIDE / 2; k++) {  // pairs of columns of a and b
        const uint64_t x = __shfl_sync(ALL_LANES, half_of(a, k / 4), 4 * row + k % 4);
        const uint64_t left = __shfl_sync(ALL_LANES, half_of(b, k / 4), 4 * column + k % 4);
        const uint64_t right = __shfl_sync(ALL_LANES, half_of(b, k / 4), 4 * column + 4 + k % 4);
#pragma unroll
        for (int q = 0; q < 2; q++)
#pragma unroll
            for (int e = 0; e < 8; e++) {
                float& sum = sums.of[e / 4][e % 4];
                sum = fma(number_of(x, e % 4 / 2, q), number_of(e % 2 ? right : left, e / 4, q), sum);
            }
    }
}

#endif
