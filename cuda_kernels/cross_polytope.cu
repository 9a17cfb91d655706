// Cross-polytope codes: the corner ±e_j that a row's projections are nearest to.
#include "common.cuh"

constexpr int ROWS = 4;  // of a warp: a coordinate of a direction that is loaded serves so many rows

// The best corner so far, and what speaks for it: of equal ones the lowest.
template <class T>
struct Corner {
    T value = -infinity<T>();
    int code = 0;

    __device__ void meet(T other, int at) {
        if (other > value || (other == value && at < code)) value = other, code = at;
    }
};

template <class T>
__device__ inline Corner<T> best_of_warp(Corner<T> best) {
    for (int with = WARP / 2; with > 0; with /= 2) {
        const T value = __shfl_xor_sync(ALL_LANES, best.value, with);
        const int code = __shfl_xor_sync(ALL_LANES, best.code, with);
        best.meet(value, code);
    }
    return best;
}

// codes[n, l] = the place of the largest entry of [p; −p], the first of equals; p_j = x_n · direction_{l·P + j} −
// offset_{l·P + j}, j = 0 … P − 1.
//
// A warp takes four rows and a table, a lane every 32nd direction.
// x [N, D], directions [D, L·P] (lanes read neighbours), offset [L·P] or null, codes [N, L].
template <class T>
__global__ void __launch_bounds__(128)
    cross_polytope(const T* __restrict__ x, const T* __restrict__ directions, const T* __restrict__ offset,
                   int* __restrict__ codes, int64_t N, int64_t D, int64_t L, int64_t P) {
    const int64_t first = warp_id() / L * ROWS, l = warp_id() % L, columns = L * P;
    if (first >= N) return;  // all lanes of the warp
    Corner<T> best[ROWS];
    for (int64_t j = lane_id(); j < P; j += WARP) {
        T sum[ROWS] = {};
        for (int64_t d = 0; d < D; d++) {
            const T coordinate = directions[d * columns + l * P + j];
            for (int r = 0; r < ROWS; r++) sum[r] = fma(x[min(first + r, N - 1) * D + d], coordinate, sum[r]);
        }
        const T shift = offset ? offset[l * P + j] : T(0);
        for (int r = 0; r < ROWS; r++) {
            best[r].meet(sum[r] - shift, int(j));
            best[r].meet(shift - sum[r], int(P + j));
        }
    }
    for (int r = 0; r < ROWS; r++) {
        const int code = best_of_warp(best[r]).code;
        if (lane_id() == 0 && first + r < N) codes[(first + r) * L + l] = code;
    }
}
