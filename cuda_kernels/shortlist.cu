// What is known of rows in a few bytes.
#include "common.cuh"

constexpr int THREADS = 128, SKETCH_WORDS = 3;

// Word w of a sketch: the low `bits` bits of each of the first `taken` codes, side by side.
__device__ inline unsigned sketch_word(const int* codes, int taken, int bits, int w) {
    unsigned word = 0;
    for (int at = w * 32; at < min((w + 1) * 32, taken * bits); at++)
        word |= (unsigned(codes[at / bits]) >> (at % bits) & 1u) << (at % 32);
    return word;
}

// sketches [N, 3] of codes [N, L].
__global__ void __launch_bounds__(THREADS)
    sketch_codes(const int* __restrict__ codes, int* __restrict__ sketches, int64_t N, int64_t L, int64_t taken,
                 int64_t bits) {
    const int64_t i = thread_id();
    if (i < N * SKETCH_WORDS)
        sketches[i] = int(sketch_word(codes + i / SKETCH_WORDS * L, int(taken), int(bits), int(i % SKETCH_WORDS)));
}

// digests[i] = the sketch of row i's codes, and a word of |w_i − centre| (low half) and direction · w_i, in bfloat16.
// weight [N, D], centre and direction [D], digests [N, 4]. A warp takes a row.
template <class T>
__global__ void __launch_bounds__(THREADS)
    describe_rows(const T* __restrict__ weight, const int* __restrict__ codes, const T* __restrict__ centre,
                  const T* __restrict__ direction, int* __restrict__ digests, int64_t N, int64_t D, int64_t L,
                  int64_t taken, int64_t bits) {
    const int64_t i = warp_id();
    if (i >= N) return;
    const T* row = weight + i * D;
    T squares = 0, along = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) {
        squares = fma(row[d] - centre[d], row[d] - centre[d], squares);
        along = fma(row[d], direction[d], along);
    }
    squares = warp_sum(squares), along = warp_sum(along);
    if (lane_id() < SKETCH_WORDS)
        digests[i * 4 + lane_id()] = int(sketch_word(codes + i * L, int(taken), int(bits), lane_id()));
    if (lane_id() == SKETCH_WORDS)
        digests[i * 4 + SKETCH_WORDS] = int(unsigned(bfloat16(float(sqrt(squares))).bits) | unsigned(bfloat16(float(along)).bits) << 16);
}
