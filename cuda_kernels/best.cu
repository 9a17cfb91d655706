// Scores of candidates, exact and estimated, and the best of each sample's.
//
// A sample's candidates are ids[offsets[b] … offsets[b + 1]), ascending; offsets [B + 1].
#include "block.cuh"

constexpr int THREADS = 128, DIGITS = 256;

// Whole numbers that are ordered as the reals they stand for; 0, the least, stands for what is not a number.
__device__ inline unsigned order_of(float score) {
    const unsigned bits = __float_as_uint(score + 0.0f);  // −0 is 0
    return score != score ? 0u : bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

__device__ inline unsigned long long order_of(double score) {
    const unsigned long long bits = (unsigned long long)__double_as_longlong(score + 0.0), sign = 1ull << 63;
    return score != score ? 0ull : bits ^ (bits >> 63 ? ~0ull : sign);
}

// scores[j] = x_b · w_id + bias_id for candidate j; x [B, D], weight [N, D], of W. A warp takes a candidate.
template <class T, class W>
__global__ void __launch_bounds__(THREADS)
    score_candidates(const T* __restrict__ x, const W* __restrict__ weight, const T* __restrict__ bias,
                     const int64_t* __restrict__ ids, const int64_t* __restrict__ offsets, T* __restrict__ scores,
                     int64_t n, int64_t B, int64_t N, int64_t D) {
    const int64_t j = warp_id();
    if (j >= n) return;
    const T* query = x + segment_of(offsets, B, j) * D;
    const W* row = weight + ids[j] * D;
    T sum = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) sum = fma(query[d], T(row[d]), sum);
    sum = warp_sum(sum);
    if (lane_id() == 0) scores[j] = sum + bias[ids[j]];
}

// scores[j] = prior + radius_b · norm · cosine[d], d being the number of bits in which the sketches of query and row
// differ, norm and prior the row's; without radius cosine[d] alone. sketches [B, 3]; digests [N, 4]: see shortlist.cu.
__global__ void __launch_bounds__(THREADS)
    estimate_scores(const int* __restrict__ sketches, const int* __restrict__ digests,
                    const float* __restrict__ cosine, const float* __restrict__ radius,
                    const int64_t* __restrict__ ids, const int64_t* __restrict__ offsets, float* __restrict__ scores,
                    int64_t n, int64_t B, int64_t N) {
    const int64_t j = thread_id();
    if (j >= n) return;
    const int64_t b = segment_of(offsets, B, j);
    const int *query = sketches + b * 3, *row = digests + ids[j] * 4;
    int differ = 0;
    for (int w = 0; w < 3; w++) differ += __popc(unsigned(query[w] ^ row[w]));
    const float norm = __uint_as_float(unsigned(row[3]) << 16), prior = __uint_as_float(unsigned(row[3]) & 0xffff0000u);
    scores[j] = radius ? prior + radius[b] * norm * cosine[differ] : cosine[differ];
}

// The key that the `keep` largest keys of n reach, n > keep ≥ 1; left: how many of those equal to it are among them.
// Found digit by digit from the top: how many keys that begin like it have which next digit. keys: order_of(scores).
template <class T>
__device__ inline auto threshold(const T* scores, int64_t n, int64_t keep, int* counts, int64_t* shared, int64_t& left) {
    using Key = decltype(order_of(T()));
    constexpr int BITS = 8 * sizeof(Key);
    Key least = 0;  // its digits so far
    left = keep;
    for (int shift = BITS - 8; shift >= 0; shift -= 8) {
        for (int digit = threadIdx.x; digit < DIGITS; digit += THREADS) counts[digit] = 0;
        __syncthreads();
        for (int64_t j = threadIdx.x; j < n; j += THREADS) {
            const Key key = order_of(scores[j]);
            if (shift + 8 == BITS || key >> (shift + 7) >> 1 == least) atomicAdd(&counts[key >> shift & (DIGITS - 1)], 1);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            int digit = DIGITS - 1;
            while (counts[digit] < left) left -= counts[digit--];
            shared[0] = digit, shared[1] = left;
        }
        __syncthreads();
        least = Key(least << 8 | Key(shared[0]));
        left = shared[1];
    }
    return least;
}

// kept[b] = the ids of the `keep` largest scores of sample b, ascending, found[b] of them, and their scores; of equal
// scores the lower ids, and never one that is not a number. A block takes a sample.
//
// ids null: candidate j of a sample is first_id + j. kept, kept_scores [B, keep]; kept_scores may be null.
template <class T>
__global__ void __launch_bounds__(THREADS)
    select_best(const T* __restrict__ scores, const int64_t* __restrict__ ids, const int64_t* __restrict__ offsets,
                int64_t* __restrict__ kept, T* __restrict__ kept_scores, int64_t* __restrict__ found, int64_t B,
                int64_t keep, int64_t first_id) {
    SHARED_ARRAY(int, counts, DIGITS);
    SHARED_ARRAY(int64_t, shared, 2);
    SHARED_ARRAY(int64_t, of_warps, THREADS / WARP);
    using Key = decltype(order_of(T()));
    const int64_t b = blockIdx.x, begin = offsets[b], n = offsets[b + 1] - begin;
    int64_t left = 0;  // of the keys that equal `least`; 0: only those above it
    const Key least = n > keep ? threshold(scores + begin, n, keep, counts, shared, left) : Key(0);
    if (least == 0) left = 0;

    int64_t above = 0, equal = 0, total;  // before this round
    for (int64_t first = 0; first < n; first += THREADS) {
        const int64_t j = first + threadIdx.x;
        const Key key = j < n ? order_of(scores[begin + j]) : Key(0);
        const bool is_above = key > least, is_equal = j < n && key == least;
        const int64_t before = sum_before(int64_t(is_above) | int64_t(is_equal) << 32, of_warps, total);
        const int64_t my_equal = equal + (before >> 32), to = above + (before & 0xffffffff) + min(my_equal, left);
        if (is_above || (is_equal && my_equal < left)) {
            kept[b * keep + to] = ids ? ids[begin + j] : first_id + j;
            if (kept_scores) kept_scores[b * keep + to] = scores[begin + j];
        }
        above += total & 0xffffffff;
        equal += total >> 32;
    }
    if (threadIdx.x == 0) found[b] = above + min(equal, left);
}

// ordered[b] = the ids of row b, the largest score first; of equal scores the first. scores, ids [B, k].
template <class T>
__global__ void __launch_bounds__(THREADS)
    order_best(const T* __restrict__ scores, const int64_t* __restrict__ ids, int64_t* __restrict__ ordered, int64_t B,
               int64_t k) {
    const int64_t b = blockIdx.x;
    const T* row = scores + b * k;
    for (int64_t i = threadIdx.x; i < k; i += THREADS) {
        int64_t place = 0;
        for (int64_t j = 0; j < k; j++) place += row[j] > row[i] || (row[j] == row[i] && j < i);
        ordered[b * k + place] = ids[b * k + i];
    }
}
