// SimHash: projections, and their signs packed into codes; distances between codes.
#include "common.cuh"

constexpr int ROWS = 4;  // of a warp: an element of the planes that is loaded serves so many rows

// Bits first … first + count − 1 of a string of 32-bit words.
template <class Code>
__device__ inline Code bits_of(const uint32_t* words, int64_t first, int64_t count) {
    Code code = 0;
    for (int64_t k = 0; k < count; k++) {
        const int64_t at = first + k;
        code |= Code(words[at / 32] >> (at % 32) & 1u) << k;
    }
    return code;
}

// Keeps in shared memory on which of 32 planes a warp's rows are above the limit: of row r in words[r · stride].
template <class T>
__device__ inline void keep_signs(const T (&sum)[ROWS], T limit, uint32_t* words, int64_t stride) {
    for (int r = 0; r < ROWS; r++) {
        const uint32_t above = __ballot_sync(ALL_LANES, sum[r] > limit);
        if (lane_id() == 0) words[r * stride] = above;
    }
}

// Cuts the codes of a warp's rows, from the first on, out of their signs.
template <class Code>
__device__ inline void write_codes(const uint32_t* signs, int64_t words, Code* codes, int64_t first, int64_t N,
                                   int64_t L, int64_t K) {
    __syncwarp();
    for (int64_t i = lane_id(); i < ROWS * L; i += WARP) {
        const int64_t r = i / L, l = i % L;
        if (first + r < N) codes[(first + r) * L + l] = bits_of<Code>(signs + r * words, l * K, K);
    }
}

// codes[n, l] = Σ_k 2^k · [x_n · plane_{l·K + k} > offset_{l·K + k}].
//
// A warp takes four rows. Its lanes take 32 planes at a time, and a ballot makes a word of their signs: all lanes work
// whatever K is. When the signs of all planes stand in shared memory, lanes cut the codes out of them.
// x [N, D], planes [D, L·K] (lanes read neighbours), offset [L·K] or null, codes [N, L]; K bits fit in Code's positives.
template <class T, class Code>
__global__ void __launch_bounds__(128)
    simhash(const T* __restrict__ x, const T* __restrict__ planes, const T* __restrict__ offset,
            Code* __restrict__ codes, int64_t N, int64_t D, int64_t L, int64_t K) {
    DYNAMIC_SHARED(uint32_t, block_signs);
    const int64_t P = L * K, words = (P + WARP - 1) / WARP, first = warp_id() * ROWS;
    if (first >= N) return;  // all lanes of the warp
    uint32_t* signs = block_signs + threadIdx.x / WARP * ROWS * words;

    for (int64_t word = 0; word < words; word++) {
        const int64_t plane = min(word * WARP + lane_id(), P - 1);  // past the last plane: bits that no code has
        T sum[ROWS] = {};
        for (int64_t d = 0; d < D; d++) {
            const T normal = planes[d * P + plane];
            for (int r = 0; r < ROWS; r++) sum[r] = fma(x[min(first + r, N - 1) * D + d], normal, sum[r]);
        }
        keep_signs(sum, offset ? offset[plane] : T(0), signs + word, words);
    }
    write_codes(signs, words, codes, first, N, L, K);
}

// The same on planes that are ±1 at S coordinates each and 0 elsewhere: S additions a plane, and no product.
//
// entries[s, plane] is d for +1 at coordinate d, and −1 − d for −1. Lanes read neighbours of entries [S, L·K], and
// gather from the warp's four rows, which a cache holds.
template <class T, class Code>
__global__ void __launch_bounds__(128)
    sparse_simhash(const T* __restrict__ x, const int* __restrict__ entries, const T* __restrict__ offset,
                   Code* __restrict__ codes, int64_t N, int64_t D, int64_t S, int64_t L, int64_t K) {
    DYNAMIC_SHARED(uint32_t, block_signs);
    const int64_t P = L * K, words = (P + WARP - 1) / WARP, first = warp_id() * ROWS;
    if (first >= N) return;  // all lanes of the warp
    uint32_t* signs = block_signs + threadIdx.x / WARP * ROWS * words;

    for (int64_t word = 0; word < words; word++) {
        const int64_t plane = min(word * WARP + lane_id(), P - 1);  // past the last plane: bits that no code has
        T sum[ROWS] = {};
        for (int64_t s = 0; s < S; s++) {
            const int entry = entries[s * P + plane];
            const bool minus = entry < 0;
            const T* column = x + (minus ? -1 - entry : entry);
            for (int r = 0; r < ROWS; r++) {
                const T value = column[min(first + r, N - 1) * D];
                sum[r] += minus ? -value : value;
            }
        }
        keep_signs(sum, offset ? offset[plane] : T(0), signs + word, words);
    }
    write_codes(signs, words, codes, first, N, L, K);
}

// distance[i] = number of bits in which a[i] and b[i] differ.
__global__ void __launch_bounds__(128) bit_distance(const int* __restrict__ a, const int* __restrict__ b,
                                                    int* __restrict__ distance, int64_t n) {
    const int64_t i = thread_id();
    if (i < n) distance[i] = __popc(unsigned(a[i] ^ b[i]));
}
