// Losses that learned hash functions are fitted with, with their gradients by the projections in the same pass.
// Smooth bits are t = tanh(scale · projection), of which the gradient is scale · (1 − t²).
//
// Eight blocks a multiprocessor: left alone, ptxas wants more where T is double, and spills.
#include "common.cuh"

template <class T>
__device__ inline T slope(T bit, T scale) {
    return scale * (1 - bit * bit);
}

// losses[i] = max(0, mean of other·negative − mean of anchor·positive + margin), products of smooth bits of row i; and
// the gradients of the mean of the losses. A warp takes a triplet; all arrays but losses are [M, P].
template <class T>
__global__ void __launch_bounds__(128, 8)
    bit_triplet(const T* __restrict__ anchor, const T* __restrict__ positive, const T* __restrict__ other,
                const T* __restrict__ negative, T* __restrict__ losses, T* __restrict__ of_anchor,
                T* __restrict__ of_positive, T* __restrict__ of_other, T* __restrict__ of_negative, int64_t M,
                int64_t P, double scale, double margin) {
    const int64_t i = warp_id();
    if (i >= M) return;  // all lanes of the warp
    T difference = 0;
    for (int64_t at = i * P + lane_id(); at < (i + 1) * P; at += WARP)
        difference += tanh(T(scale) * other[at]) * tanh(T(scale) * negative[at]) -
                      tanh(T(scale) * anchor[at]) * tanh(T(scale) * positive[at]);
    const T loss = warp_sum(difference) / T(P) + T(margin), share = loss > 0 ? 1 / (T(M) * T(P)) : T(0);
    if (lane_id() == 0) losses[i] = max(loss, T(0));
    for (int64_t at = i * P + lane_id(); at < (i + 1) * P; at += WARP) {
        const T a = tanh(T(scale) * anchor[at]), p = tanh(T(scale) * positive[at]);
        const T o = tanh(T(scale) * other[at]), n = tanh(T(scale) * negative[at]);
        of_anchor[at] = -share * p * slope(a, T(scale));
        of_positive[at] = -share * a * slope(p, T(scale));
        of_other[at] = share * n * slope(o, T(scale));
        of_negative[at] = share * o * slope(n, T(scale));
    }
}

// losses[i, l] = (log mean over rows c of exp β a_i·r_c − β a_i·p_i) / K, products of the smooth bits of table l; and
// the gradients of the mean of the losses, that of the rows as weights[l, i, c] = softmax over c of β a_i·r_c.
//
// A warp takes a query and a table, its block four queries; the smooth bits of the table's rows stand in shared memory
// [C, K], and those of the warp's query [K]. anchor, positive [M, L, K], rows [C, L, K]; C ≥ 1.
template <class T>
__global__ void __launch_bounds__(128, 8)
    contrastive(const T* __restrict__ anchor, const T* __restrict__ positive, const T* __restrict__ rows,
                T* __restrict__ losses, T* __restrict__ weights, T* __restrict__ of_anchor,
                T* __restrict__ of_positive, int64_t M, int64_t C, int64_t L, int64_t K, double scale,
                double sharpness) {
    DYNAMIC_SHARED(T, row_bits);
    T* query = row_bits + C * K + threadIdx.x / WARP * K;
    const int64_t i = warp_id(), l = blockIdx.y, first = (i * L + l) * K;
    for (int64_t at = threadIdx.x; at < C * K; at += blockDim.x)
        row_bits[at] = tanh(T(scale) * rows[(at / K * L + l) * K + at % K]);
    for (int64_t k = lane_id(); k < K && i < M; k += WARP) query[k] = tanh(T(scale) * anchor[first + k]);
    __syncthreads();
    if (i >= M) return;  // all lanes of the warp

    T near = 0, most = -infinity<T>(), sum = 0;
    for (int64_t k = lane_id(); k < K; k += WARP) near += query[k] * tanh(T(scale) * positive[first + k]);
    near = T(sharpness) * warp_sum(near);
    T* weight = weights + (l * M + i) * C;
    for (int64_t c = lane_id(); c < C; c += WARP) {
        T dot = 0;
        for (int64_t k = 0; k < K; k++) dot += query[k] * row_bits[c * K + k];
        weight[c] = T(sharpness) * dot;
        most = max(most, weight[c]);
    }
    most = warp_max(most);
    for (int64_t c = lane_id(); c < C; c += WARP) sum += exp(weight[c] - most);
    sum = warp_sum(sum);
    for (int64_t c = lane_id(); c < C; c += WARP) weight[c] = exp(weight[c] - most) / sum;
    if (lane_id() == 0) losses[i * L + l] = (log(sum / T(C)) + most - near) / T(K);
    __syncwarp();  // each lane reads the weights of all

    const T share = T(sharpness) / (T(M) * T(L) * T(K));
    for (int64_t k = lane_id(); k < K; k += WARP) {
        const T q = query[k], p = tanh(T(scale) * positive[first + k]);
        T drawn = -p;
        for (int64_t c = 0; c < C; c++) drawn += weight[c] * row_bits[c * K + k];
        of_anchor[first + k] = share * drawn * slope(q, T(scale));
        of_positive[first + k] = -share * q * slope(p, T(scale));
    }
}

// of_rows[c, l, k] = β / (M L K) · Σ_i weights[l, i, c] a_i · slope: what `contrastive` leaves. A thread takes a number.
template <class T>
__global__ void __launch_bounds__(128)
    contrastive_rows(const T* __restrict__ anchor, const T* __restrict__ rows, const T* __restrict__ weights,
                     T* __restrict__ of_rows, int64_t M, int64_t C, int64_t L, int64_t K, double scale,
                     double sharpness) {
    const int64_t at = thread_id();
    if (at >= C * L * K) return;
    const int64_t c = at / (L * K), of_row = at % (L * K), l = of_row / K;
    T sum = 0;
    for (int64_t i = 0; i < M; i++)
        sum += weights[(l * M + i) * C + c] * tanh(T(scale) * anchor[i * L * K + of_row]);
    of_rows[at] = T(sharpness) / (T(max(M, int64_t(1))) * T(L) * T(K)) * sum * slope(tanh(T(scale) * rows[at]), T(scale));
}
