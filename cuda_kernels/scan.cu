// Prefix sums, and what is made of them: lists of flagged places, ranges laid end to end, rows moved together.
#include "block.cuh"

constexpr int THREADS = 256, EACH = 4, SCANNED = THREADS * EACH;  // numbers a block

// offsets[i] = Σ counts[j] over j < i within the block's 1,024 numbers, i ≤ n; totals[b] = the sum over block b.
//
// The blocks' totals are scanned in the same way, and `add_totals` adds them. counts [n], offsets [n + 1]: the place of
// the number behind a block's last belongs to the next block, or is the sum of all.
__global__ void __launch_bounds__(THREADS) scan(const int64_t* __restrict__ counts, int64_t* __restrict__ offsets,
                                                int64_t* __restrict__ totals, int64_t n) {
    SHARED_ARRAY(int64_t, of_warps, THREADS / WARP);
    const int64_t first = int64_t(blockIdx.x) * SCANNED + threadIdx.x * EACH;
    int64_t own[EACH], sum = 0, total;
    for (int i = 0; i < EACH; i++) {
        own[i] = first + i < n ? counts[first + i] : 0;
        sum += own[i];
    }
    int64_t before = sum_before(sum, of_warps, total);
    for (int i = 0; i < EACH; i++) {
        if (first + i <= n) offsets[first + i] = before;
        before += own[i];
    }
    if (threadIdx.x == 0) totals[blockIdx.x] = total;
}

// offsets[i] += before[i / 1024].
__global__ void __launch_bounds__(THREADS)
    add_totals(int64_t* __restrict__ offsets, const int64_t* __restrict__ before, int64_t n) {
    const int64_t i = thread_id();
    if (i <= n) offsets[i] += before[i / SCANNED];
}

// places = the i whose offsets differ from the next one: those that were counted; offsets [n + 1].
__global__ void __launch_bounds__(THREADS)
    list_counted(const int64_t* __restrict__ offsets, int64_t* __restrict__ places, int64_t n) {
    const int64_t i = thread_id();
    if (i < n && offsets[i] < offsets[i + 1]) places[offsets[i]] = i;
}

// start[i], start[i] + 1, … for each i, laid end to end: which[j] = i, position[j] = the number; offsets [n + 1].
__global__ void __launch_bounds__(THREADS)
    list_ranges(const int64_t* __restrict__ start, const int64_t* __restrict__ offsets, int64_t* __restrict__ which,
                int64_t* __restrict__ position, int64_t n, int64_t total) {
    const int64_t j = thread_id();
    if (j >= total) return;
    const int64_t i = segment_of(offsets, n, j);
    which[j] = i;
    position[j] = start[i] + j - offsets[i];
}

// ids[offsets[b] + j] = rows[b, j] for each b but those to skip; rows [B, width], of which offsets [B + 1] take some.
template <class Id>
__global__ void __launch_bounds__(THREADS)
    join_rows(const Id* __restrict__ rows, const int64_t* __restrict__ offsets, const bool* __restrict__ skip,
              int64_t* __restrict__ ids, int64_t B, int64_t width) {
    const int64_t b = warp_id();
    if (b >= B || (skip && skip[b])) return;
    const int64_t first = offsets[b], found = offsets[b + 1] - first;
    for (int64_t j = lane_id(); j < found; j += WARP) ids[first + j] = rows[b * width + j];
}
