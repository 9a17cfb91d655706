// A warp's products of matrices, one of each kind, for the test of matrix.cuh.
#include "matrix.cuh"

constexpr int STRIDE = SIDE + 8;

__device__ inline void put(const Product& x, float* to) {
    for (int e = 0; e < 8; e++) to[held_row(e % 4 / 2) * SIDE + held_column(e / 4) + e % 2] = x.of[e / 4][e % 4];
}

// plain = a bᵀ, turned = a b, again = (a bᵀ, rounded) bᵀ + plain; all [SIDE, SIDE].
__global__ void multiply(const bfloat16* a, const bfloat16* b, float* plain, float* turned, float* again) {
    SHARED_TILE(bfloat16, held, 2 * SIDE * STRIDE);
    bfloat16* const second = held + SIDE * STRIDE;
    for (int k = threadIdx.x; k < SIDE * SIDE; k += WARP) {
        held[k / SIDE * STRIDE + k % SIDE] = a[k];
        second[k / SIDE * STRIDE + k % SIDE] = b[k];
    }
    __syncthreads();
    const Factor x = load(held, STRIDE), y = load(second, STRIDE);
    Product sums{}, of_turned{};
    add_product(sums, x, y);
    put(sums, plain);
    add_product(of_turned, x, load_transposed(second, STRIDE));
    put(of_turned, turned);
    add_product(sums, rounded(sums), y);
    put(sums, again);
}
