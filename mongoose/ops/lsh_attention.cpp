// LSH attention: chunks of a sorted sequence attend to themselves and to the chunk before.
//
// In a round every query lies in one chunk, so the rows that runs write are disjoint.
#include "lsh_attention_window.h"

namespace {

// The sums of a head so far: its output times `sum`, over eˣ of what scores are above `most`.
template <class T>
struct Sums {
    T *output, *most, *sum;  // [length, dim], [length], [length]
};

// The attention of the chunk at work, added to the sums of earlier rounds.
template <class X>
struct Forward : Window<X> {
    using T = sum_t<X>;
    using Window<X>::met, Window<X>::score, Window<X>::lanes_m, Window<X>::first, Window<X>::keys, Window<X>::width;
    T *most, *before, *sum, *output;  // [m'] of scores; [m'] of earlier rounds; [m']; [m, dim']

    Forward(const Order& order, int64_t round)
        : Window<X>(order, round, 3 * whole<T>(order.chunk) + order.chunk * whole<T>(order.dim)) {
        most = this->scratch.take(lanes_m), before = this->scratch.take(lanes_m), sum = this->scratch.take(lanes_m);
        output = this->scratch.take(order.chunk * width);
    }

    void attend(int64_t c, const Sums<T>& head) {
        std::fill(before, before + lanes_m, UNMET<T>);
        if (this->round)
            for (int64_t i = 0; i < this->queries; i++) before[i] = head.most[this->places(c)[i]];
        std::copy(before, before + lanes_m, most);
        std::fill(sum, sum + lanes_m, T(0));
        this->multiply();
        for (int64_t j = first; j < first + keys; j++) hide(j, score + j * lanes_m);
        for (int64_t j = first; j < first + keys; j++) weigh(score + j * lanes_m);
        block_product<T>(this->queries, width, keys, {score + first * lanes_m, 1, lanes_m},
                         this->value + first * width, width, output, width, false);
        for (int64_t i = 0; i < this->queries; i++) add_to(head, this->places(c)[i], i);
    }

    void hide(int64_t j, T* __restrict row) {
        if (!this->meet(j)) {
            std::fill(row, row + lanes_m, UNMET<T>);
            return;
        }
        const mask_t<T>* __restrict who = met.data();
        T* __restrict largest = most;
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) {
            row[i] = who[i] ? row[i] : UNMET<T>;
            largest[i] = std::max(largest[i], row[i]);
        }
    }

    void weigh(T* __restrict row) {
        const T* __restrict largest = most;
        T* __restrict total = sum;
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) {
            const T weight = exp_of(row[i] - largest[i]);
            row[i] = row[i] > UNMET<T> ? weight : T(0);
            total[i] += row[i];
        }
    }

    void add_to(const Sums<T>& head, int64_t at, int64_t i) {
        const int64_t dim = this->order.dim;
        T* __restrict to = head.output + at * dim;
        const T* __restrict from = output + i * width;
        const T kept = this->round ? exp_of(before[i] - most[i]) : T(0);
        head.most[at] = most[i];
        head.sum[at] = (this->round ? head.sum[at] * kept : T(0)) + sum[i];
        if (this->round) {
#pragma omp simd
            for (int64_t d = 0; d < dim; d++) to[d] = to[d] * kept + from[d];
        } else {
            std::copy(from, from + dim, to);
        }
    }
};

template <class X>
void attend_head(int64_t threads, const Order& order, const X* qk, const X* v, const Sums<sum_t<X>>& head) {
    for (int64_t r = 0; r < order.rounds; r++)
        parallel_chunks(threads, order.num_chunks(), RUN, [&](int64_t begin, int64_t end) {
            Forward<X> window(order, r);
            if (begin) window.load_keys(qk, v, begin - 1);
            for (int64_t c = begin; c < end; c++) {
                window.load(qk, v, c, c > 0);
                window.attend(c, head);
            }
        });
}

// Divide by the sums: [length, dim] and [length].
template <class X>
void finish_head(int64_t threads, const Order& order, const X* v, const Sums<sum_t<X>>& head, X* out, sum_t<X>* lse) {
    using T = sum_t<X>;
    parallel_chunks(threads, order.length, 1024, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at++) {
            const int64_t dim = order.dim;
            const bool exists = order.count && order.chunks[at * order.rounds] != NOWHERE;
            const T sum = exists ? head.sum[at] : T(0);
            lse[at] = sum > 0 ? std::log(sum) + head.most[at] : ALONE<T>;
            for (int64_t d = 0; d < dim; d++) {
                const T alone = exists ? static_cast<T>(v[at * dim + d]) : T(0);
                out[at * dim + d] = static_cast<X>(sum > 0 ? head.output[at * dim + d] / sum : alone);
            }
        }
    });
}

template <class X>
void attend(int64_t threads, const Sizes& sizes, const X* qk, const X* v, const int32_t* orders, const int32_t* codes,
            X* out, sum_t<X>* lse) {
    using T = sum_t<X>;
    constexpr bool narrow = !std::is_same_v<X, T>;
    const int64_t rows = sizes.length, room = rows * sizes.dim;
    const auto heads = [&](int64_t inner, int64_t begin, int64_t end) {
        std::vector<T> most(rows), sum(rows), wide(narrow ? room : 0);
        for (int64_t n = begin; n < end; n++) {
            const Order order(sizes, orders, codes, n);
            T* output = wide.data();
            if constexpr (!narrow) output = out + n * room;
            const Sums<T> head{output, most.data(), sum.data()};
            attend_head(inner, order, qk + n * room, v + n * room, head);
            finish_head(inner, order, v + n * room, head, out + n * room, lse + n * rows);
        }
    };
    over_heads(threads, sizes, heads);
}

}  // namespace

#define ATTENTION(X, suffix)                                                                                          \
    EXPORT void lsh_attention_##suffix(int64_t threads, int64_t heads, int64_t rounds, int64_t length, int64_t dim,   \
                                       int64_t chunk, double scale, int64_t causal, const X* qk, const X* v,          \
                                       const int32_t* order, const int32_t* codes, X* out, sum_t<X>* lse) {           \
        attend(threads, {heads, rounds, length, dim, chunk, scale, causal != 0}, qk, v, order, codes, out, lse);      \
    }
ATTENTION(float, f32)
ATTENTION(double, f64)
ATTENTION(bf16, bf16)
