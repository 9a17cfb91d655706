// Look codes up in hash tables: where buckets lie, and the distinct items of the buckets that a query visits.
#include "block.cuh"

constexpr int THREADS = 128;
constexpr int MOST = 2048;        // distinct items that a query's set in shared memory takes
constexpr int SLOTS = 2 * MOST;   // so that probes are short; each thread may put in one item too many
constexpr int NOTHING = -1;

// spans[b, t] = the places of items to see in a bucket: begin and end in the main tables' items, begin and end in the
// side tables'. A bucket is the main one with the side one behind; of more than `cap` items, `cap` are seen, from the
// share `window` of the starts there are.
//
// codes, tables, window [B, T]; offsets, side_offsets [L, C + 1]; N, M: items a main and a side table.
__global__ void __launch_bounds__(THREADS)
    locate_buckets(const int* __restrict__ codes, const int64_t* __restrict__ tables, const int* __restrict__ offsets,
                   const int* __restrict__ side_offsets, const float* __restrict__ window,
                   int64_t* __restrict__ spans, int64_t B, int64_t T, int64_t L, int64_t C1, int64_t N, int64_t M,
                   int64_t cap) {
    const int64_t visit = thread_id();
    if (visit >= B * T) return;
    const int64_t table = tables[visit], at = table * C1 + codes[visit];
    const int64_t begin = offsets[at], main = offsets[at + 1] - begin;
    const int64_t side_begin = side_offsets ? side_offsets[at] : 0;
    const int64_t side = side_offsets ? side_offsets[at + 1] - side_begin : 0;
    int64_t first = 0, last = main + side;
    const int64_t spare = last - cap;
    if (window && spare > 0) {
        first = min(spare, int64_t(window[visit] * float(spare + 1)));
        last = first + cap;
    }
    int64_t* span = spans + visit * 4;
    span[0] = table * N + begin + min(main, first);
    span[1] = table * N + begin + min(main, last);
    span[2] = table * M + side_begin + max(int64_t(0), first - main);
    span[3] = table * M + side_begin + max(int64_t(0), last - main);
}

// The buckets of a query, for the threads of a block; spans [T, 4].
struct Visits {
    const int64_t* spans;
    int64_t T, enough;
    const int *items, *side_items;
    const bool* hidden;

    __device__ int64_t most() const {
        int64_t sum = 0;
        for (int64_t t = 0; t < T; t++) sum += spans[4 * t + 1] - spans[4 * t] + spans[4 * t + 3] - spans[4 * t + 2];
        return sum;
    }

    // Put what is seen into the set; `size` is that of the set. No more buckets once it holds `enough`, if that is > 0.
    template <class Set>
    __device__ void fill(Set& set, const int* size) const {
        for (int64_t t = 0; t < T; t++) {
            const int64_t* span = spans + 4 * t;
            for (int64_t i = span[0] + threadIdx.x; i < span[1]; i += THREADS)
                if (!(hidden && hidden[items[i]])) set.insert(items[i]);
            for (int64_t i = span[2] + threadIdx.x; i < span[3]; i += THREADS) set.insert(side_items[i]);
            if (!enough) continue;
            __syncthreads();
            const bool sated = *size >= enough;
            __syncthreads();  // all have read it
            if (sated) break;
        }
        __syncthreads();
    }
};

// Items and how often each was seen, in shared memory: a hash table with linear probing, `room` slots, a power of two.
struct SharedSet {
    int *keys, *counts, *size;
    unsigned room;
    bool full = false;  // for this thread

    __device__ void insert(int item) {
        unsigned slot = unsigned(item) * 2654435769u >> 16;  // Fibonacci hashing
        while (!full) {
            slot &= room - 1;
            const int before = atomicCAS(&keys[slot], NOTHING, item);
            if (before == NOTHING || before == item) {
                atomicAdd(&counts[slot], 1);
                if (before == NOTHING) full = atomicAdd(size, 1) >= MOST;
                return;
            }
            slot++;
        }
    }
};

// Sort n integers in shared memory, ascending (bitonic); `padded`, a power of two ≥ n, is the room there is.
__device__ inline void sort_shared(int* list, int n, int padded) {
    for (int i = n + threadIdx.x; i < padded; i += THREADS) list[i] = 0x7fffffff;
    __syncthreads();
    for (int run = 2; run <= padded; run *= 2) {
        for (int by = run / 2; by > 0; by /= 2) {
            for (int i = threadIdx.x; i < padded; i += THREADS) {
                const int other = i ^ by;
                if (other < i) continue;  // another thread's pair
                const int a = list[i], b = list[other];
                if ((a > b) == ((i & run) == 0)) list[i] = b, list[other] = a;
            }
            __syncthreads();
        }
    }
}

__device__ inline int power_of_two_from(int64_t least) {
    int power = 1;
    while (power < least) power *= 2;
    return power;
}

// lists[b] = the distinct items of the buckets that query b visits, ascending, found[b] of them: those seen at least
// min_count times. A block takes a query. One with more than 2,048 distinct items overflows: collect_overflow's turn.
//
// items [L, N], side_items [L, M], hidden [N]: passed over in `items`; spans [B, T, 4], lists [B, 2048].
__global__ void __launch_bounds__(THREADS)
    collect_items(const int64_t* __restrict__ spans, const int* __restrict__ items,
                  const int* __restrict__ side_items, const bool* __restrict__ hidden, int* __restrict__ lists,
                  int64_t* __restrict__ found, bool* __restrict__ overflows, int64_t B, int64_t T, int64_t min_count,
                  int64_t enough) {
    SHARED_ARRAY(int, keys, SLOTS);
    SHARED_ARRAY(int, counts, SLOTS);
    SHARED_ARRAY(int, size, 1);
    SHARED_ARRAY(int, listed, 1);
    const int64_t b = blockIdx.x;
    const Visits visits{spans + b * T * 4, T, enough, items, side_items, hidden};
    const int room = power_of_two_from(min(2 * visits.most(), int64_t(SLOTS)));
    for (int i = threadIdx.x; i < room; i += THREADS) keys[i] = NOTHING, counts[i] = 0;
    if (threadIdx.x == 0) size[0] = listed[0] = 0;
    __syncthreads();
    SharedSet set{keys, counts, size, unsigned(room)};
    visits.fill(set, size);
    const bool overflow = size[0] > MOST;
    if (threadIdx.x == 0) overflows[b] = overflow;
    if (overflow) return;
    for (int i = threadIdx.x; i < room; i += THREADS)
        if (counts[i] < min_count) keys[i] = NOTHING;
    __syncthreads();
    int* list = counts;  // whose turn is over
    for (int i = threadIdx.x; i < room; i += THREADS)
        if (keys[i] != NOTHING) list[atomicAdd(&listed[0], 1)] = keys[i];
    __syncthreads();
    const int n = listed[0];
    sort_shared(list, n, power_of_two_from(n));
    for (int i = threadIdx.x; i < n; i += THREADS) lists[b * MOST + i] = list[i];
    if (threadIdx.x == 0) found[b] = n;
}

// How often each item was seen, in global memory.
struct GlobalSet {
    int *counts, *size;

    __device__ void insert(int item) {
        if (atomicAdd(&counts[item], 1) == 0) atomicAdd(size, 1);
    }
};

// The same for the queries that overflowed: their numbers of items to `found` where `ids` is null, else the items to
// ids[offsets[b] …). counts [S, N], zeros before and after: each block has a row of it and takes every S-th query.
__global__ void __launch_bounds__(THREADS)
    collect_overflow(const int64_t* __restrict__ spans, const int* __restrict__ items,
                     const int* __restrict__ side_items, const bool* __restrict__ hidden,
                     const bool* __restrict__ overflows, int* __restrict__ counts, int64_t* __restrict__ found,
                     const int64_t* __restrict__ offsets, int64_t* __restrict__ ids, int64_t B, int64_t T, int64_t S,
                     int64_t N, int64_t min_count, int64_t enough) {
    SHARED_ARRAY(int, size, 1);
    SHARED_ARRAY(int64_t, of_warps, THREADS / WARP);
    int* seen = counts + blockIdx.x * N;
    for (int64_t b = blockIdx.x; b < B; b += S) {
        if (!overflows[b]) continue;
        if (threadIdx.x == 0) size[0] = 0;
        __syncthreads();
        GlobalSet set{seen, size};
        Visits{spans + b * T * 4, T, enough, items, side_items, hidden}.fill(set, size);
        int64_t listed = 0, more;
        for (int64_t first = 0; first < N; first += THREADS) {
            const int64_t item = first + threadIdx.x;
            const bool is_in = item < N && seen[item] >= min_count;
            const int64_t to = listed + sum_before(int64_t(is_in), of_warps, more);
            if (is_in && ids) ids[offsets[b] + to] = item;
            if (item < N) seen[item] = 0;
            listed += more;
        }
        if (!ids && threadIdx.x == 0) found[b] = listed;
        __syncthreads();
    }
}
