// Multi-label softmax cross-entropy, and its gradient by the scores: over an active set that the batch shares (five
// kernels in a row), and over one a sample. Sample b owns the labels offsets[b] … offsets[b + 1] − 1.
#include "common.cuh"

constexpr int WARPS = 4;          // of a block
constexpr int ROWS_A_BLOCK = 64;  // classes whose scores a block reads, for 32 samples

// scores[label, b] += by[label] at the labels of each sample; distinct pairs. A thread takes a label.
//
// It takes back a correction that is meant for negatives. scores [U, B] are stored as Z; columns [E] name rows of them.
template <class Z, class T>
__global__ void __launch_bounds__(128)
    add_at_labels(const int64_t* __restrict__ columns, const int64_t* __restrict__ offsets, const T* __restrict__ by,
                  Z* __restrict__ scores, int64_t E, int64_t B) {
    const int64_t i = thread_id();
    if (i >= E) return;
    Z& score = scores[columns[i] * B + segment_of(offsets, B, i)];
    score = Z(T(score) + by[columns[i]]);
}

// What is added to the scores of class u: bias[u] − log_inclusion[u].
template <class T>
__device__ T shift_of(const T* bias, const T* log_inclusion, int64_t u) {
    return log_inclusion ? bias[u] - log_inclusion[u] : bias[u];
}

// largest[c, b], sums[c, b] = the largest z of chunk c of the classes, Σ exp(z − largest) over it; z = score + shift.
//
// A block takes a chunk and 32 samples, a lane each, so that neighbours are read together; a warp every fourth class.
template <class Z, class T>
__global__ void __launch_bounds__(128)
    softmax_chunks(const Z* __restrict__ scores, const T* __restrict__ bias, const T* __restrict__ log_inclusion,
                   T* __restrict__ largest, T* __restrict__ sums, int64_t U, int64_t B) {
    SHARED_ARRAY(T, largest_of, WARPS* WARP);
    SHARED_ARRAY(T, sum_of, WARPS* WARP);
    const int64_t warp = threadIdx.x / WARP, b = int64_t(blockIdx.x) * WARP + lane_id();
    const int64_t begin = int64_t(blockIdx.y) * ROWS_A_BLOCK, end = min(begin + ROWS_A_BLOCK, U);
    T most = -infinity<T>(), sum = 0;
    for (int64_t u = begin + warp; u < end && b < B; u += WARPS)
        most = max(most, T(scores[u * B + b]) + shift_of(bias, log_inclusion, u));
    for (int64_t u = begin + warp; u < end && b < B; u += WARPS)
        sum += exp(T(scores[u * B + b]) + shift_of(bias, log_inclusion, u) - most);
    largest_of[threadIdx.x] = most;
    sum_of[threadIdx.x] = sum;
    __syncthreads();
    if (warp || b >= B) return;
    for (int w = 1; w < WARPS; w++) most = max(most, largest_of[w * WARP + lane_id()]);
    sum = 0;
    for (int w = 0; w < WARPS; w++) {
        const T part = sum_of[w * WARP + lane_id()];  // 0: a warp without classes, whose largest is −∞
        if (part > 0) sum += part * exp(largest_of[w * WARP + lane_id()] - most);
    }
    largest[blockIdx.y * B + b] = most;
    sums[blockIdx.y * B + b] = sum;
}

// Of each sample, from its C chunks: largest z, Σ exp(z − largest) as shares[b] = −that / labels, scale[b] = 1 / (that
// · B), and the loss log Σ exp z − mean z of its labels. Without labels scale and loss are 0. A warp takes a sample.
template <class Z, class T>
__global__ void __launch_bounds__(128)
    softmax_samples(const Z* __restrict__ scores, const T* __restrict__ bias, const T* __restrict__ log_inclusion,
                    const int64_t* __restrict__ columns, const int64_t* __restrict__ offsets,
                    const T* __restrict__ chunk_largest, const T* __restrict__ chunk_sums, T* __restrict__ largest,
                    T* __restrict__ shares, T* __restrict__ scale, T* __restrict__ losses, int64_t C, int64_t B) {
    const int64_t b = warp_id();
    if (b >= B) return;  // all lanes of the warp
    T most = -infinity<T>(), sum = 0, own = 0;
    for (int64_t c = lane_id(); c < C; c += WARP) most = max(most, chunk_largest[c * B + b]);
    most = warp_max(most);
    for (int64_t c = lane_id(); c < C; c += WARP) sum += chunk_sums[c * B + b] * exp(chunk_largest[c * B + b] - most);
    sum = warp_sum(sum);
    for (int64_t i = offsets[b] + lane_id(); i < offsets[b + 1]; i += WARP)
        own += T(scores[columns[i] * B + b]) + shift_of(bias, log_inclusion, columns[i]);
    own = warp_sum(own);
    if (lane_id()) return;
    const T count = T(offsets[b + 1] - offsets[b]);
    largest[b] = most;
    shares[b] = count > 0 ? -sum / count : T(0);
    scale[b] = count > 0 ? 1 / (sum * T(B)) : T(0);
    losses[b] = count > 0 ? log(sum) + most - own / count : T(0);
}

// scores[u, b] = exp(z − largest[b]), in place. A thread takes a score.
template <class Z, class T>
__global__ void __launch_bounds__(128)
    softmax_weights(Z* __restrict__ scores, const T* __restrict__ bias, const T* __restrict__ log_inclusion,
                    const T* __restrict__ largest, int64_t U, int64_t B) {
    const int64_t i = thread_id();
    if (i >= U * B) return;
    scores[i] = Z(exp(T(scores[i]) + shift_of(bias, log_inclusion, i / B) - largest[i % B]));
}

// weights[label, b] += shares[b] at the labels of each sample: the gradient of its loss, over scale. A thread a label.
template <class Z, class T>
__global__ void __launch_bounds__(128)
    take_shares_off(const int64_t* __restrict__ columns, const int64_t* __restrict__ offsets,
                    const T* __restrict__ shares, Z* __restrict__ weights, int64_t E, int64_t B) {
    const int64_t i = thread_id();
    if (i >= E) return;
    const int64_t b = segment_of(offsets, B, i);
    Z& weight = weights[columns[i] * B + b];
    weight = Z(T(weight) + shares[b]);
}

// The sum, and the largest, over the threads of a block, in every thread; always in the same order.
template <class T>
__device__ __forceinline__ T block_sum(T value) {
    SHARED_ARRAY(T, sum_of, WARPS);
    value = warp_sum(value);
    __syncthreads();  // what the call before left has been read
    if (lane_id() == 0) sum_of[threadIdx.x / WARP] = value;
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < WARPS; w++) sum += sum_of[w];
    return sum;
}

template <class T>
__device__ __forceinline__ T block_max(T value) {
    SHARED_ARRAY(T, largest_of, WARPS);
    value = warp_max(value);
    __syncthreads();
    if (lane_id() == 0) largest_of[threadIdx.x / WARP] = value;
    __syncthreads();
    T most = largest_of[0];
    for (int w = 1; w < WARPS; w++) most = max(most, largest_of[w]);
    return most;
}

// Whether an id is among ascending ones.
__device__ inline bool holds(const int64_t* ids, int64_t n, int64_t id) {
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ids[low] == id;
}

// losses[b], and gradient[j] = (softmax(logits of b)_j − t_j) · share over the pairs j of sample b, whose ids[j] are
// ascending, as label_ids are; t_j = [ids[j] is a label] / labels, share = 1 / B. Without labels both are 0.
//
// A block takes a sample. Eight blocks a multiprocessor: left alone, ptxas wants twelve, and spills.
template <class T>
__global__ void __launch_bounds__(128, 8)
    ragged_softmax(const T* __restrict__ logits, const int64_t* __restrict__ ids, const int64_t* __restrict__ offsets,
                   const int64_t* __restrict__ label_ids, const int64_t* __restrict__ label_offsets,
                   T* __restrict__ gradient, T* __restrict__ losses, double share, int64_t B) {
    const int64_t b = blockIdx.x, begin = offsets[b] + threadIdx.x, end = offsets[b + 1];
    const int64_t count = label_offsets[b + 1] - label_offsets[b];
    const T each = count ? 1 / T(count) : T(0);
    T most = -infinity<T>(), sum = 0, own = 0;
    for (int64_t j = begin; j < end; j += blockDim.x) most = max(most, logits[j]);
    most = block_max(most);
    for (int64_t j = begin; j < end; j += blockDim.x) sum += exp(logits[j] - most);
    sum = block_sum(sum);
    const T log_sum = log(sum), weight = count ? T(share) : T(0);
    for (int64_t j = begin; j < end; j += blockDim.x) {
        const bool label = holds(label_ids + label_offsets[b], count, ids[j]);
        gradient[j] = weight * exp(logits[j] - most - log_sum) - (label ? weight * each : T(0));
        own += label ? logits[j] : T(0);
    }
    own = block_sum(own);
    if (threadIdx.x == 0) losses[b] = count ? log_sum + most - own * each : T(0);
}
