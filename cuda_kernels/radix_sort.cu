// Stable sorts by whole numbers, eight bits at a time from the low ones up, and where runs of equal keys begin.
#include "block.cuh"

constexpr int DIGITS = 256, THREADS = 128, WARPS = THREADS / WARP, CHUNK = 1024;  // keys a block

template <class Key>
__device__ inline int digit_of(Key key, int64_t shift) {
    return int(key >> shift & (DIGITS - 1));
}

// counts[l, digit, chunk] = how many of a chunk's keys have the digit. keys [L, N] ≥ 0: L lists; a block a chunk.
template <class Key>
__global__ void __launch_bounds__(THREADS) count_digits(const Key* __restrict__ keys, int64_t* __restrict__ counts,
                                                        int64_t L, int64_t N, int64_t chunks, int64_t shift) {
    SHARED_ARRAY(int, seen, DIGITS);
    const int64_t l = blockIdx.y, first = int64_t(blockIdx.x) * CHUNK, end = min(first + CHUNK, N);
    for (int digit = threadIdx.x; digit < DIGITS; digit += THREADS) seen[digit] = 0;
    __syncthreads();
    for (int64_t i = first + threadIdx.x; i < end; i += THREADS) atomicAdd(&seen[digit_of(keys[l * N + i], shift)], 1);
    __syncthreads();
    for (int digit = threadIdx.x; digit < DIGITS; digit += THREADS)
        counts[(l * DIGITS + digit) * chunks + blockIdx.x] = seen[digit];
}

// How many lanes below this one have its digit, and how many lanes have it at all.
__device__ inline int rank_among(int digit, int& lanes) {
    const unsigned alike = __match_any_sync(ALL_LANES, digit);
    lanes = __popc(alike);
    return __popc(alike & ((1u << lane_id()) - 1));
}

// Move every key, and its value, to where the scanned counts say; equal digits keep their order.
//
// A warp takes a quarter of the chunk, so that what lies before a key are the keys of lower chunks (starts), of lower
// warps, of the warp's earlier rounds, and of lower lanes. values [L, N], null: 0 … N − 1; `moved` null: none.
template <class Key>
__global__ void __launch_bounds__(THREADS)
    move_by_digit(const Key* __restrict__ keys, const int* __restrict__ values, const int64_t* __restrict__ starts,
                  Key* __restrict__ sorted, int* __restrict__ moved, int64_t L, int64_t N, int64_t chunks,
                  int64_t shift) {
    SHARED_ARRAY(int64_t, next, WARPS * DIGITS);
    constexpr int QUARTER = CHUNK / WARPS;
    int64_t* own = next + threadIdx.x / WARP * DIGITS;
    const int64_t first = int64_t(blockIdx.x) * CHUNK + threadIdx.x / WARP * QUARTER + lane_id();
    const int64_t end = min(first + QUARTER, N + lane_id());  // whole warps: all lanes go round as often
    keys += blockIdx.y * N;
    for (int i = threadIdx.x; i < WARPS * DIGITS; i += THREADS) next[i] = 0;
    __syncthreads();
    for (int64_t i = first; i < end; i += WARP) {
        int lanes;
        const int digit = i < N ? digit_of(keys[i], shift) : DIGITS;
        if (rank_among(digit, lanes) == 0 && i < N) own[digit] += lanes;
        __syncwarp();
    }
    __syncthreads();
    for (int digit = threadIdx.x; digit < DIGITS; digit += THREADS) {
        int64_t start = starts[(blockIdx.y * DIGITS + digit) * chunks + blockIdx.x];
        for (int w = 0; w < WARPS; w++) {
            const int64_t count = next[w * DIGITS + digit];
            next[w * DIGITS + digit] = start;
            start += count;
        }
    }
    __syncthreads();
    for (int64_t i = first; i < end; i += WARP) {
        int lanes;
        const Key key = i < N ? keys[i] : Key(0);
        const int digit = i < N ? digit_of(key, shift) : DIGITS, rank = rank_among(digit, lanes);
        const int64_t to = i < N ? own[digit] + rank : 0;
        __syncwarp();
        if (i < N) {
            sorted[to] = key;
            if (moved) moved[to] = values ? values[blockIdx.y * N + i] : int(i);
            if (rank == 0) own[digit] += lanes;
        }
        __syncwarp();
    }
}

// bounds[l, c] = how many keys of list l are below c · step; keys [L, N] ascending, c = 0 … C.
template <class Key>
__global__ void __launch_bounds__(THREADS) find_bounds(const Key* __restrict__ keys, Key* __restrict__ bounds,
                                                       int64_t L, int64_t N, int64_t C, int64_t step) {
    const int64_t i = thread_id();
    if (i >= L * (C + 1)) return;
    const int64_t l = i / (C + 1), c = i % (C + 1);
    bounds[i] = Key(lower_bound(keys + l * N, N, Key(c * step)));
}

// first[i] = 1 where a key differs from the one before it.
__global__ void __launch_bounds__(THREADS)
    mark_first(const int64_t* __restrict__ keys, int64_t* __restrict__ first, int64_t N) {
    const int64_t i = thread_id();
    if (i < N) first[i] = i == 0 || keys[i] != keys[i - 1];
}
