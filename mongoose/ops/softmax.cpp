// Softmax cross-entropy and its gradient: over an active set that the batch shares, and over one a sample.
#include "kernel.h"

namespace {

struct Batch {
    int64_t size;
    const int64_t *labels, *offsets;  // of sample b: labels[offsets[b]] … labels[offsets[b + 1] − 1]
    int64_t count(int64_t b) const { return offsets[b + 1] - offsets[b]; }
};

template <class Z, class T>
void add_and_note_largest(int64_t n, T shift, Z* __restrict scores, T* __restrict most) {
#pragma omp simd
    for (int64_t b = 0; b < n; b++) {
        const T score = T(scores[b]) + shift;
        scores[b] = Z(score);
        most[b] = most[b] < score ? score : most[b];
    }
}

template <class Z, class T>
void exponentiate_and_sum(int64_t n, const T* __restrict largest, Z* __restrict scores, T* __restrict sum) {
#pragma omp simd
    for (int64_t b = 0; b < n; b++) {
        const T weight = exp_of(T(scores[b]) - largest[b]);
        scores[b] = Z(weight);
        sum[b] += weight;
    }
}

// scores: [U, B], in: x·w; out: E with Σ_b E[u, b]·scale[b]·x_b the gradient of row u. Z: how scores are stored.
template <class Z, class T>
void shared(int64_t threads, int64_t num_rows, Z* scores, const T* bias, const T* log_inclusion, const Batch& batch,
            T* scale, double* loss) {
    const int64_t size = batch.size, block = std::max<int64_t>(1, (num_rows + threads - 1) / threads);
    std::vector<T> partial(threads * size, -std::numeric_limits<T>::infinity());
    parallel_chunks(threads, num_rows, block, [&](int64_t begin, int64_t end) {
        T* most = partial.data() + begin / block * size;
        for (int64_t u = begin; u < end; u++) {
            const T shift = bias[u] - (log_inclusion ? log_inclusion[u] : T(0));
            add_and_note_largest(size, shift, scores + u * size, most);
        }
    });
    std::vector<T> largest(partial.begin(), partial.begin() + size);
    for (int64_t t = 1; t < threads; t++)
        for (int64_t b = 0; b < size; b++) largest[b] = std::max(largest[b], partial[t * size + b]);

    std::vector<double> own(size, 0);
    for (int64_t b = 0; b < size; b++)
        for (int64_t j = batch.offsets[b]; j < batch.offsets[b + 1]; j++) {
            Z& score = scores[batch.labels[j] * size + b];
            if (log_inclusion) score = Z(T(score) + log_inclusion[batch.labels[j]]);
            largest[b] = std::max(largest[b], T(score));
            own[b] += double(T(score)) / double(batch.count(b));
        }

    std::fill(partial.begin(), partial.end(), T(0));
    parallel_chunks(threads, num_rows, block, [&](int64_t begin, int64_t end) {
        T* sum = partial.data() + begin / block * size;
        for (int64_t u = begin; u < end; u++) exponentiate_and_sum(size, largest.data(), scores + u * size, sum);
    });
    *loss = 0;
    for (int64_t b = 0; b < size; b++) {
        T sum = 0;
        for (int64_t t = 0; t < threads; t++) sum += partial[t * size + b];
        scale[b] = batch.count(b) ? 1 / (sum * T(size)) : T(0);
        if (batch.count(b)) *loss += std::log(double(sum)) + double(largest[b]) - own[b];
        for (int64_t j = batch.offsets[b]; j < batch.offsets[b + 1]; j++) {
            Z& weight = scores[batch.labels[j] * size + b];
            weight = Z(T(weight) - sum / T(batch.count(b)));
        }
    }
    *loss /= double(size);
}

// logits in place to the gradient; returns the sample's loss.
template <class T>
double ragged(const int64_t* ids, int64_t size, const int64_t* labels, int64_t count, int64_t batch, T* logits) {
    if (!count) {
        std::fill(logits, logits + size, T(0));
        return 0;
    }
    T largest = -std::numeric_limits<T>::infinity(), sum = 0;
    for (int64_t j = 0; j < size; j++) largest = std::max(largest, logits[j]);
    double own = 0;
    for (int64_t j = 0, k = 0; j < size && k < count; j++)
        if (ids[j] == labels[k]) own += double(logits[j]) / double(count), k++;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < size; j++) sum += logits[j] = exp_of(logits[j] - largest);
    const T scale = 1 / (sum * T(batch)), target = 1 / (T(count) * T(batch));
#pragma omp simd
    for (int64_t j = 0; j < size; j++) logits[j] *= scale;
    for (int64_t j = 0, k = 0; j < size && k < count; j++)
        if (ids[j] == labels[k]) logits[j] -= target, k++;
    return std::log(double(sum)) + double(largest) - own;
}

template <class T>
void ragged_batch(int64_t threads, int64_t batch, const int64_t* ids, const int64_t* offsets, const int64_t* label_ids,
                  const int64_t* label_offsets, T* logits, double* loss) {
    std::vector<double> losses(batch);
    parallel_chunks(threads, batch, 4, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; b++)
            losses[b] = ragged(ids + offsets[b], offsets[b + 1] - offsets[b], label_ids + label_offsets[b],
                               label_offsets[b + 1] - label_offsets[b], batch, logits + offsets[b]);
    });
    *loss = 0;
    for (double one : losses) *loss += one / double(batch);
}

}  // namespace

#define SHARED(Z, T, suffix)                                                                                          \
    EXPORT void softmax_gradient_##suffix(int64_t threads, int64_t num_rows, int64_t batch, Z* scores, const T* bias, \
                                          const T* log_inclusion, const int64_t* labels, const int64_t* offsets,      \
                                          T* scale, double* loss) {                                                   \
        shared(threads, num_rows, scores, bias, log_inclusion, Batch{batch, labels, offsets}, scale, loss);        \
    }
SHARED(float, float, f32)
SHARED(double, double, f64)
SHARED(bf16, float, bf16)

#define RAGGED(T, suffix)                                                                                             \
    EXPORT void ragged_softmax_##suffix(int64_t threads, int64_t batch, const int64_t* ids, const int64_t* offsets,   \
                                        const int64_t* label_ids, const int64_t* label_offsets, T* logits,            \
                                        double* loss) {                                                               \
        ragged_batch(threads, batch, ids, offsets, label_ids, label_offsets, logits, loss);                           \
    }
RAGGED(float, f32)
RAGGED(double, f64)
