// One step of Adam on rows of a parameter; row u of the gradient belongs to row rows[u], or to row u.
#include "common.cuh"

// What a step has of its number t: lr / (1 − β1^t), and 1 / √(1 − β2^t).
template <class T>
struct Corrected {
    T rate, root;

    __device__ Corrected(int64_t t, double lr, double log_beta1, double log_beta2)
        : rate(T(lr) / -expm1(T(t) * T(log_beta1))), root(1 / sqrt(-expm1(T(t) * T(log_beta2)))) {}
};

// Moments and parameter, a number each:
//   mean = β1 mean + (1 − β1) g,  square = β2 square + (1 − β2) g²,
//   param = (1 − lr decay) param − lr mean / (1 − β1^t) / (√(square / (1 − β2^t)) + ε).
// A thread takes a number. t = steps[0], or steps[i] of row i (S = N), counted up before; log_beta: log β, −∞ for 0.
template <class T>
__global__ void __launch_bounds__(128)
    row_adam(T* __restrict__ param, T* __restrict__ mean, T* __restrict__ square, const T* __restrict__ gradient,
             const int64_t* __restrict__ rows, const int64_t* __restrict__ steps, int64_t U, int64_t D, int64_t S,
             double lr, double beta1, double beta2, double log_beta1, double log_beta2, double eps, double decay) {
    const int64_t at = thread_id();
    if (at >= U * D) return;
    const int64_t u = at / D, row = rows ? rows[u] : u, i = row * D + at % D;
    const Corrected<T> corrected(steps[S == 1 ? 0 : row], lr, log_beta1, log_beta2);
    const T g = gradient[at], m = T(beta1) * mean[i] + T(1 - beta1) * g, v = T(beta2) * square[i] + T(1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    param[i] = T(1 - lr * decay) * param[i] - corrected.rate * m / (sqrt(v) * corrected.root + T(eps));
}

// The same with one second moment a row, square [N], of the mean of g². A warp takes a row.
template <class T>
__global__ void __launch_bounds__(128)
    row_adam_rowwise(T* __restrict__ param, T* __restrict__ mean, T* __restrict__ square,
                     const T* __restrict__ gradient, const int64_t* __restrict__ rows,
                     const int64_t* __restrict__ steps, int64_t U, int64_t D, int64_t S, double lr, double beta1,
                     double beta2, double log_beta1, double log_beta2, double eps, double decay) {
    const int64_t u = warp_id();
    if (u >= U) return;  // all lanes of the warp
    const int64_t row = rows ? rows[u] : u;
    T sum = 0;
    for (int64_t d = lane_id(); d < D; d += WARP) sum += gradient[u * D + d] * gradient[u * D + d];
    const T v = T(beta2) * square[row] + T(1 - beta2) * warp_sum(sum) / T(D);
    __syncwarp();  // every lane has read square[row]
    if (lane_id() == 0) square[row] = v;
    const Corrected<T> corrected(steps[S == 1 ? 0 : row], lr, log_beta1, log_beta2);
    const T scale = corrected.rate / (sqrt(v) * corrected.root + T(eps));
    for (int64_t d = lane_id(); d < D; d += WARP) {
        const int64_t i = row * D + d;
        mean[i] = T(beta1) * mean[i] + T(1 - beta1) * gradient[u * D + d];
        param[i] = T(1 - lr * decay) * param[i] - scale * mean[i];
    }
}
