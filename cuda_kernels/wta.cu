// Winner-take-all codes, dense and densified: which coordinate of a bin is the largest.
#include "common.cuh"

constexpr int THREADS = 128;

__device__ inline float lowest() { return -__int_as_float(0x7f800000); }  // −∞

// The winner of a bin of its own, or that of the first bin on its probe sequence (start, odd step; modulo the least
// power of two ≥ bins) that has one; 0 if none has. winner [bins], −1: empty; probes [bins, 2].
__device__ inline int filled(const int* winner, const int* probes, int bins, int bin) {
    if (winner[bin] >= 0) return winner[bin];
    unsigned size = 1;
    while (size < unsigned(bins)) size *= 2;
    unsigned other = probes[2 * bin];
    for (unsigned attempt = 0; attempt < size; attempt++, other += probes[2 * bin + 1]) {
        other &= size - 1;
        if (other < unsigned(bins) && winner[other] >= 0) return winner[other];
    }
    return 0;
}

// codes[l] = Σ_j winner of bin l·m + j, shifted by j · bits, m = bins / L; by `lanes` threads, of which this is `lane`.
__device__ inline void pack_winners(const int* winner, const int* probes, int* codes, int bins, int L, int bits,
                                    int lane, int lanes) {
    const int each = bins / L;
    for (int l = lane; l < L; l += lanes) {
        unsigned code = 0;
        for (int j = 0; j < each; j++) code += unsigned(filled(winner, probes, bins, l * each + j)) << (j * bits);
        codes[l] = int(code);
    }
}

// codes [N, L] of rows x [N, D] less the centre [D], if there is one. A warp takes a row.
// coordinates [bins, S]: a bin's winner is the place of the largest, the first of equals. With probes [bins, 2],
// coordinates that are 0 are absent, and a bin without any borrows a winner.
template <class T>
__global__ void __launch_bounds__(THREADS)
    wta(const T* __restrict__ x, const T* __restrict__ centre, const int* __restrict__ coordinates,
        const int* __restrict__ probes, int* __restrict__ codes, int64_t N, int64_t D, int64_t bins, int64_t S,
        int64_t L, int64_t bits) {
    DYNAMIC_SHARED(int, winners);
    const int64_t row = warp_id();
    if (row >= N) return;
    int* winner = winners + threadIdx.x / WARP * int(bins);
    x += row * D;
    for (int bin = lane_id(); bin < bins; bin += WARP) {
        const int* coordinate = coordinates + bin * S;
        T best = lowest();
        int at = probes ? -1 : 0;
#pragma unroll 1
        for (int j = 0; j < S; j++) {
            const int d = coordinate[j];
            const T value = centre ? x[d] - centre[d] : x[d];
            if (value > best && !(probes && value == T(0))) best = value, at = j;
        }
        winner[bin] = at;
    }
    __syncwarp();
    pack_winners(winner, probes, codes + row * L, int(bins), int(L), int(bits), lane_id(), WARP);
}

// Whole numbers that are ordered as the numbers they stand for; never 0.
__device__ inline unsigned long long order_of(double value) {
    const unsigned long long bits = (unsigned long long)__double_as_longlong(value + 0.0);
    return bits ^ (bits >> 63 ? ~0ull : 1ull << 63);
}

// The same of sparse rows, with probes: row i holds entries offsets[i] … offsets[i + 1) of indices and values [nnz].
// slots[slot_offsets[d] … slot_offsets[d + 1]): the places bin · S + j where coordinate d stands. A block takes a row:
// the largest value of every bin first, then the first place where it stands. Dynamic shared memory: best, winner.
template <class T>
__global__ void __launch_bounds__(THREADS)
    dwta_csr(const int64_t* __restrict__ indices, const T* __restrict__ values, const int64_t* __restrict__ offsets,
             const int64_t* __restrict__ slots, const int64_t* __restrict__ slot_offsets,
             const int* __restrict__ probes, int* __restrict__ codes, int64_t N, int64_t bins, int64_t S, int64_t L,
             int64_t bits) {
    DYNAMIC_SHARED(unsigned long long, best);
    int* winner = reinterpret_cast<int*>(best + bins);
    const int64_t row = blockIdx.x;
    const int log_size = __ffs(int(S)) - 1;
    for (int64_t bin = threadIdx.x; bin < bins; bin += THREADS) best[bin] = 0, winner[bin] = int(S);
    __syncthreads();
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t at = offsets[row] + threadIdx.x; at < offsets[row + 1]; at += THREADS) {
            if (values[at] == T(0) || values[at] == T(lowest())) continue;
            const unsigned long long key = order_of(double(values[at]));
            for (int64_t s = slot_offsets[indices[at]]; s < slot_offsets[indices[at] + 1]; s++) {
                const int bin = int(slots[s] >> log_size), place = int(slots[s]) & (int(S) - 1);
                if (pass == 0)
                    atomicMax(&best[bin], key);
                else if (best[bin] == key)
                    atomicMin(&winner[bin], place);
            }
        }
        __syncthreads();
    }
    for (int64_t bin = threadIdx.x; bin < bins; bin += THREADS)
        if (winner[bin] == S) winner[bin] = -1;
    __syncthreads();
    pack_winners(winner, probes, codes + row * L, int(bins), int(L), int(bits), threadIdx.x, THREADS);
}
