// Sets of ids: whether they are some; that of a list, by a map of bits; those of samples, by search.
#include "block.cuh"

constexpr int THREADS = 256;

// fits[0] = 0 where one of ids [n] is not in [0, below), or offsets [S] do not rise from 0 to n; else left as it is.
//
// A thread takes an id, or an offset; offsets may be null, S = 0.
__global__ void __launch_bounds__(THREADS)
    check_sets(const int64_t* __restrict__ ids, const int64_t* __restrict__ offsets, int* __restrict__ fits, int64_t n,
               int64_t S, int64_t below) {
    const int64_t i = thread_id(), s = i - n;
    if (s >= S) return;
    bool fit;
    if (s < 0)
        fit = 0 <= ids[i] && ids[i] < below;
    else
        fit = (s > 0 || offsets[0] == 0) && (s + 1 < S ? offsets[s] <= offsets[s + 1] : offsets[s] == n);
    if (!fit) atomicAnd(fits, 0);
}

// Set the bit of each id, where all are 0 before; bits [W], of 32 ids a word.
__global__ void __launch_bounds__(THREADS)
    mark_members(const int64_t* __restrict__ ids, int* __restrict__ bits, int64_t n) {
    const int64_t i = thread_id();
    if (i < n) atomicOr(&bits[ids[i] / 32], int(1u << (ids[i] % 32)));
}

// counts[w] = how many bits of word w are set.
__global__ void __launch_bounds__(THREADS)
    count_members(const int* __restrict__ bits, int64_t* __restrict__ counts, int64_t W) {
    const int64_t w = thread_id();
    if (w < W) counts[w] = __popc(unsigned(bits[w]));
}

// The members, ascending; offsets [W + 1]: how many stand in the words before.
__global__ void __launch_bounds__(THREADS) list_members(const int* __restrict__ bits,
                                                        const int64_t* __restrict__ offsets,
                                                        int64_t* __restrict__ members, int64_t W) {
    const int64_t w = thread_id();
    if (w >= W) return;
    int64_t to = offsets[w];
    for (unsigned rest = unsigned(bits[w]); rest; rest &= rest - 1) members[to++] = w * 32 + __ffs(int(rest)) - 1;
}

// positions[i] = how many members are below ids[i], which is one.
__global__ void __launch_bounds__(THREADS)
    rank_members(const int64_t* __restrict__ ids, const int* __restrict__ bits, const int64_t* __restrict__ offsets,
                 int64_t* __restrict__ positions, int64_t n, int64_t W) {
    const int64_t i = thread_id();
    if (i >= n) return;
    const unsigned lower = (1u << (ids[i] % 32)) - 1;
    positions[i] = offsets[ids[i] / 32] + __popc(unsigned(bits[ids[i] / 32]) & lower);
}

// found[i] = whether the set of sample[i] holds ids[i]; set b: set_ids[set_offsets[b] … set_offsets[b + 1]), ascending.
__global__ void __launch_bounds__(THREADS)
    find_members(const int64_t* __restrict__ set_ids, const int64_t* __restrict__ set_offsets,
                 const int64_t* __restrict__ sample, const int64_t* __restrict__ ids, bool* __restrict__ found,
                 int64_t n, int64_t B) {
    const int64_t i = thread_id();
    if (i >= n) return;
    const int64_t first = set_offsets[sample[i]], size = set_offsets[sample[i] + 1] - first;
    const int64_t at = lower_bound(set_ids + first, size, ids[i]);
    found[i] = at < size && set_ids[first + at] == ids[i];
}
