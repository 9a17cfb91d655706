// One step of Adam on some rows of a parameter, fused: every number is read and written once.
#include "kernel.h"

namespace {

constexpr int64_t AHEAD = 4;  // rows between a request to memory and its use; one row is three of them

template <class T>
struct Step {
    T beta1, beta2, eps, shrink, rate, root;  // rate: lr / (1 − β1^t). root: 1 / √(1 − β2^t).

    Step(double lr, double beta1, double beta2, double eps, double weight_decay, double t)
        : beta1(T(beta1)),
          beta2(T(beta2)),
          eps(T(eps)),
          shrink(T(1 - lr * weight_decay)),
          rate(T(lr / (1 - std::pow(beta1, t)))),
          root(T(1 / std::sqrt(1 - std::pow(beta2, t)))) {}
};

template <class T>
void update(const Step<T>& s, int64_t dim, const T* __restrict gradient, T* __restrict param, T* __restrict mean,
            T* __restrict square) {
    const T keep1 = s.beta1, take1 = 1 - s.beta1, keep2 = s.beta2, take2 = 1 - s.beta2;
#pragma omp simd
    for (int64_t d = 0; d < dim; d++) {
        const T g = gradient[d], m = keep1 * mean[d] + take1 * g, v = keep2 * square[d] + take2 * g * g;
        mean[d] = m;
        square[d] = v;
        param[d] = s.shrink * param[d] - s.rate * m / (std::sqrt(v) * s.root + s.eps);
    }
}

template <class T>
void update_rowwise(const Step<T>& s, int64_t dim, const T* __restrict gradient, T* __restrict param,
                    T* __restrict mean, T* __restrict square) {
    *square = s.beta2 * *square + (1 - s.beta2) * dot(gradient, gradient, dim) / T(dim);
    const T keep = s.beta1, take = 1 - s.beta1, scale = s.rate / (std::sqrt(*square) * s.root + s.eps);
#pragma omp simd
    for (int64_t d = 0; d < dim; d++) {
        const T m = keep * mean[d] + take * gradient[d];
        mean[d] = m;
        param[d] = s.shrink * param[d] - scale * m;
    }
}

// square holds `width` numbers a row: dim of them, or one.
template <class T, class Update>
void rows_of(int64_t threads, int64_t num_rows, int64_t dim, int64_t width, T* param, T* mean, T* square,
             const T* gradient, const int64_t* rows, int64_t* steps, int64_t per_row, double lr, double beta1,
             double beta2, double eps, double weight_decay, const Update& update_row) {
    const Step<T> shared(lr, beta1, beta2, eps, weight_decay, double(per_row ? 1 : *steps));
    parallel_chunks(threads, num_rows, std::max<int64_t>(16, 32768 / dim), [&](int64_t begin, int64_t end) {
        for (int64_t u = begin; u < end; u++) {
            if (rows && u + AHEAD < end) {
                const int64_t next = rows[u + AHEAD];
                prefetch(param + next * dim, dim * sizeof(T));
                prefetch(mean + next * dim, dim * sizeof(T));
                prefetch(square + next * width, width * sizeof(T));
            }
            const int64_t i = rows ? rows[u] : u;
            const T* g = gradient + u * dim;
            if (per_row) {
                const Step<T> own(lr, beta1, beta2, eps, weight_decay, double(++steps[i]));
                update_row(own, dim, g, param + i * dim, mean + i * dim, square + i * width);
            } else {
                update_row(shared, dim, g, param + i * dim, mean + i * dim, square + i * width);
            }
        }
    });
}

}  // namespace

#define INSTANCE(T, suffix)                                                                                         \
    EXPORT void row_adam_##suffix(int64_t threads, int64_t num_rows, int64_t dim, T* param, T* mean, T* square,     \
                                  const T* gradient, const int64_t* rows, int64_t* steps, int64_t per_row,          \
                                  double lr, double beta1, double beta2, double eps, double decay) {                \
        rows_of(threads, num_rows, dim, dim, param, mean, square, gradient, rows, steps, per_row, lr, beta1, beta2, \
                eps, decay, update<T>);                                                                             \
    }                                                                                                               \
    EXPORT void row_adam_rowwise_##suffix(int64_t threads, int64_t num_rows, int64_t dim, T* param, T* mean,        \
                                          T* square, const T* gradient, const int64_t* rows, int64_t* steps,        \
                                          int64_t per_row, double lr, double beta1, double beta2, double eps,       \
                                          double decay) {                                                           \
        rows_of(threads, num_rows, dim, 1, param, mean, square, gradient, rows, steps, per_row, lr, beta1, beta2,   \
                eps, decay, update_rowwise<T>);                                                                     \
    }
INSTANCE(float, f32)
INSTANCE(double, f64)
