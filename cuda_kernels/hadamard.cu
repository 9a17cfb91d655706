// SimHash by the fast Hadamard transform, in shared memory.
#include "common.cuh"

constexpr int THREADS = 256;

// values = H · diag(signs) · values, H the Hadamard matrix of order P in Sylvester's order; a block's threads together.
template <class T>
__device__ inline void flip_and_transform(T* values, const T* signs, int P) {
    for (int i = threadIdx.x; i < P; i += THREADS) values[i] *= signs[i];
    __syncthreads();
    for (int stride = 1; stride < P; stride *= 2) {
        for (int i = threadIdx.x; i < P / 2; i += THREADS) {
            const int low = i & (stride - 1), at = 2 * (i - low) + low;
            const T a = values[at], b = values[at + stride];
            values[at] = a + b;
            values[at + stride] = a - b;
        }
        __syncthreads();
    }
}

// codes[n, l] = Σ_k 2^k · [p_{l·K + k} > offset_{l·K + k}], p being the projections H·S₂·H·S₁·x of all blocks of P.
//
// A block takes a row. x [N, D], signs [R, 2, P] (P a power of two, at least D), offset [L·K] or null, codes [N, L].
// Dynamic shared memory: P values, and a bit for each of the L·K projections.
template <class T>
__global__ void __launch_bounds__(THREADS)
    hadamard_simhash(const T* __restrict__ x, const T* __restrict__ signs, const T* __restrict__ offset,
                     int* __restrict__ codes, int64_t N, int64_t D, int64_t R, int64_t P, int64_t L, int64_t K) {
    DYNAMIC_SHARED(T, values);
    unsigned* above = reinterpret_cast<unsigned*>(values + P);
    const int64_t row = blockIdx.x;
    for (int64_t word = threadIdx.x; word < (L * K + 31) / 32; word += THREADS) above[word] = 0;
    for (int64_t first = 0; first < L * K; first += P) {
        for (int64_t i = threadIdx.x; i < P; i += THREADS) values[i] = i < D ? x[row * D + i] : T(0);
        __syncthreads();
        flip_and_transform(values, signs + 2 * first, int(P));
        flip_and_transform(values, signs + 2 * first + P, int(P));
        for (int64_t q = first + threadIdx.x; q < min(first + P, L * K); q += THREADS)
            if (values[q - first] > (offset ? offset[q] : T(0))) atomicOr(&above[q / 32], 1u << (q % 32));
        __syncthreads();
    }
    for (int64_t l = threadIdx.x; l < L; l += THREADS) {
        unsigned code = 0;
        for (int64_t q = l * K; q < (l + 1) * K; q++) code |= (above[q / 32] >> (q % 32) & 1u) << (q - l * K);
        codes[row * L + l] = int(code);
    }
}
