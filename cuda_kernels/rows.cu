// Rows that have changed: in their codes, or by their distance from a copy.
#include "common.cuh"

constexpr int THREADS = 128;

// differs[i] = 1 where the codes of row i are not the known ones. codes, known [N, L].
__global__ void __launch_bounds__(THREADS)
    compare_codes(const int* __restrict__ codes, const int* __restrict__ known, int64_t* __restrict__ differs,
                  int64_t N, int64_t L) {
    const int64_t i = warp_id();
    if (i >= N) return;
    bool differ = false;
    for (int64_t l = lane_id(); l < L; l += WARP) differ |= codes[i * L + l] != known[i * L + l];
    differ = __any_sync(ALL_LANES, differ);
    if (lane_id() == 0) differs[i] = differ;
}

// moved[r] = ‖w_i − v_i‖ and far[r] = 1 where that is not below the limit, for the rows i = ids[r]; w, v [N, D].
// limit [R]: one a row, or one for all rows. A distance that is not a number is far.
template <class T>
__global__ void __launch_bounds__(THREADS)
    compare_copies(const T* __restrict__ weight, const T* __restrict__ held, const int64_t* __restrict__ ids,
                   const T* __restrict__ limit, T* __restrict__ moved, int64_t* __restrict__ far, int64_t n,
                   int64_t D, int64_t R) {
    const int64_t r = warp_id();
    if (r >= n) return;
    const T *w = weight + ids[r] * D, *v = held + ids[r] * D;
    T squares = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) squares = fma(w[d] - v[d], w[d] - v[d], squares);
    const T distance = sqrt(warp_sum(squares));
    if (lane_id() > 0) return;
    moved[r] = distance;
    far[r] = !(distance < limit[R > 1 ? ids[r] : 0]);
}
