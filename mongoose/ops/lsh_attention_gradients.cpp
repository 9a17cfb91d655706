// Gradients of LSH attention; scores are computed again, from the log-sum-exp.
//
// In a round every query lies in one chunk, so the rows that runs write are disjoint; but the keys before a run, whose
// gradients are kept aside and added after the round.
#include "lsh_attention_window.h"

namespace {

// The gradients by the keys and values of both chunks, and by the queries of the one at work.
template <class X>
struct Backward : Window<X> {
    using T = sum_t<X>;
    using Window<X>::lanes_m, Window<X>::width, Window<X>::m, Window<X>::first, Window<X>::keys;
    T *given, *given_turned, *of_score;      // [m', dim'], [dim', m'], [2m, m']
    T *of_key, *of_value, *of_query;         // [2m, dim'], [2m, dim'], [m, dim']
    T *lse, *centre;                         // [m'], [m']

    Backward(const Order& order, int64_t round)
        : Window<X>(order, round, room(order.chunk, whole<T>(order.dim))) {
        given = this->scratch.take(lanes_m * width), given_turned = this->scratch.take(width * lanes_m);
        of_score = this->scratch.take(2 * m * lanes_m);
        of_key = this->scratch.take(2 * m * width), of_value = this->scratch.take(2 * m * width);
        of_query = this->scratch.take(m * width);
        lse = this->scratch.take(lanes_m), centre = this->scratch.take(lanes_m);
    }
    static int64_t room(int64_t m, int64_t width) {
        const int64_t lanes_m = whole<T>(m);
        return 2 * lanes_m * width + 2 * m * lanes_m + 5 * m * width + 2 * lanes_m;
    }

    // Gradients of chunk c are nothing yet.
    void clear(int64_t c) {
        std::fill_n(of_key + this->half(c) * width, m * width, T(0));
        std::fill_n(of_value + this->half(c) * width, m * width, T(0));
    }

    void load_given(const X* gradient, const T* all_lse, const T* all_centre, int64_t c) {
        std::fill(given, given + lanes_m * width, T(0));
        std::fill_n(lse, lanes_m, std::numeric_limits<T>::max());
        std::fill_n(centre, lanes_m, T(0));
        for (int64_t i = 0; i < this->queries; i++) {
            const int64_t at = this->places(c)[i];
            widen(gradient + at * this->order.dim, given + i * width, this->order.dim);
            lse[i] = all_lse[at], centre[i] = all_centre[at];
        }
        turn(given, lanes_m, width, T(1), given_turned);
    }

    void differentiate() {
        const int64_t dim = this->order.dim;
        this->multiply();
        T *scores = this->score + first * lanes_m, *of_scores = of_score + first * lanes_m;
        block_product<T>(keys, lanes_m, dim, {this->value + first * width, width, 1}, given_turned, lanes_m, of_scores,
                         lanes_m, false);
        for (int64_t j = 0; j < keys; j++) attention(first + j, scores + j * lanes_m, of_scores + j * lanes_m);
        const int64_t n = this->queries;
        block_product<T>(keys, width, n, {scores, lanes_m, 1}, given, width, of_value + first * width, width, true);
        block_product<T>(keys, width, n, {of_scores, lanes_m, 1}, this->query, width, of_key + first * width, width,
                         true);
        block_product<T>(n, width, keys, {of_scores, 1, lanes_m}, this->key + first * width, width, of_query, width,
                         false);
    }

    // Scores of key j become attention, and the gradients by attention those by scale · score.
    void attention(int64_t j, T* __restrict row, T* __restrict of_row) {
        if (!this->meet(j)) {
            std::fill(row, row + lanes_m, T(0));
            std::fill(of_row, of_row + lanes_m, T(0));
            return;
        }
        const mask_t<T>* __restrict who = this->met.data();
        const T *__restrict total = lse, *__restrict middle = centre;
        const T scale = T(this->order.scale);
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) {
            const T weight = exp_of(std::min(row[i] - total[i], T(0)));  // above 0: not met, or by rounding
            row[i] = who[i] ? weight : T(0);
            of_row[i] = scale * row[i] * (of_row[i] - middle[i]);
        }
    }

    // Add the gradients by the keys and values of chunk c to rows of qk's and v's: rows of T, `at(i)` the i-th.
    template <class At>
    void flush(int64_t c, T* of_qk, T* of_v, const At& at) {
        const int64_t dim = this->order.dim;
        for (int64_t i = 0, j = this->half(c); i < this->held(c); i++, j++) {
            const T *__restrict k = this->key + j * width, *__restrict g = of_key + j * width;
            T* __restrict to = of_qk + at(i) * dim;
            const T inverse = this->inverse[j];
            const T along = inverse < T(1e6) ? dot(g, k, dim) : T(0);  // of a shorter query the length is fixed
#pragma omp simd
            for (int64_t d = 0; d < dim; d++) to[d] += inverse * (g[d] - k[d] * along);
            add_scaled(of_v + at(i) * dim, T(1), of_value + j * width, dim);
        }
    }

    void flush_queries(int64_t c, T* of_qk) {
        for (int64_t i = 0; i < this->queries; i++)
            add_scaled(of_qk + this->places(c)[i] * this->order.dim, T(1), of_query + i * width, this->order.dim);
    }
};

// The gradients of one head, of_qk and of_v [length, dim], start as 0.
template <class X>
void differentiate_head(int64_t threads, const Order& order, const X* qk, const X* v, const X* gradient,
                        const sum_t<X>* lse, const sum_t<X>* centre, sum_t<X>* of_qk, sum_t<X>* of_v) {
    using T = sum_t<X>;
    const int64_t piece = order.chunk * order.dim;
    std::vector<T> aside(2 * piece * order.num_runs());
    for (int64_t r = 0; r < order.rounds; r++) {
        const auto place = [&](int64_t c) { return order.order + r * order.length + c * order.chunk; };
        const auto rows = [&](int64_t c) { return [p = place(c)](int64_t i) -> int64_t { return p[i]; }; };
        parallel_chunks(threads, order.num_chunks(), RUN, [&](int64_t begin, int64_t end) {
            Backward<X> window(order, r);
            if (begin) window.load_keys(qk, v, begin - 1), window.clear(begin - 1);
            for (int64_t c = begin; c < end; c++) {
                window.load(qk, v, c, c > 0);
                window.load_given(gradient, lse, centre, c);
                window.clear(c);
                window.differentiate();
                window.flush_queries(c, of_qk);
                if (c > begin) window.flush(c - 1, of_qk, of_v, rows(c - 1));
                if (c == begin && begin) {
                    T* kept = aside.data() + begin / RUN * 2 * piece;
                    std::fill_n(kept, 2 * piece, T(0));
                    window.flush(c - 1, kept, kept + piece, [](int64_t i) { return i; });
                }
            }
            window.flush(end - 1, of_qk, of_v, rows(end - 1));
        });
        for (int64_t run = 1; run < order.num_runs(); run++)
            for (int64_t i = 0; i < order.chunk; i++) {
                const int64_t at = place(run * RUN - 1)[i];
                const T* kept = aside.data() + run * 2 * piece + i * order.dim;
                add_scaled(of_qk + at * order.dim, T(1), kept, order.dim);
                add_scaled(of_v + at * order.dim, T(1), kept + piece, order.dim);
            }
    }
}

// [length] do·o of each position; and the gradients start: of_qk as 0, of_v as what reaches the value of one alone.
template <class X>
void start_gradients(int64_t threads, const Order& order, const X* gradient, const X* out, const sum_t<X>* lse,
                     sum_t<X>* centre, sum_t<X>* of_qk, sum_t<X>* of_v) {
    using T = sum_t<X>;
    const int64_t dim = order.dim;
    parallel_chunks(threads, order.length, 1024, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; at++) {
            const bool alone = lse[at] == ALONE<T> && order.chunks[at * order.rounds] != NOWHERE;
            T sum = 0;
            for (int64_t d = at * dim; d < (at + 1) * dim; d++) {
                sum += static_cast<T>(gradient[d]) * static_cast<T>(out[d]);
                of_qk[d] = 0, of_v[d] = alone ? static_cast<T>(gradient[d]) : T(0);
            }
            centre[at] = sum;
        }
    });
}

template <class X>
void differentiate(int64_t threads, const Sizes& sizes, const X* qk, const X* v, const int32_t* orders,
                   const int32_t* codes, const X* gradient, const X* out, const sum_t<X>* lse, X* of_qk, X* of_v) {
    using T = sum_t<X>;
    constexpr bool narrow = !std::is_same_v<X, T>;
    const int64_t rows = sizes.length, room = rows * sizes.dim;
    const auto heads = [&](int64_t inner, int64_t begin, int64_t end) {
        std::vector<T> centre(rows), wide(narrow ? 2 * room : 0);
        for (int64_t n = begin; n < end; n++) {
            const Order order(sizes, orders, codes, n);
            const int64_t at = n * room;
            T *to_qk = wide.data(), *to_v = wide.data() + room;
            if constexpr (!narrow) to_qk = of_qk + at, to_v = of_v + at;
            start_gradients(inner, order, gradient + at, out + at, lse + n * rows, centre.data(), to_qk, to_v);
            differentiate_head(inner, order, qk + at, v + at, gradient + at, lse + n * rows, centre.data(), to_qk,
                               to_v);
            if constexpr (narrow) {
                std::copy_n(to_qk, room, of_qk + at);
                std::copy_n(to_v, room, of_v + at);
            }
        }
    };
    over_heads(threads, sizes, heads);
}

}  // namespace

#define GRADIENTS(X, suffix)                                                                                          \
    EXPORT void lsh_attention_gradients_##suffix(                                                                     \
        int64_t threads, int64_t heads, int64_t rounds, int64_t length, int64_t dim, int64_t chunk, double scale,     \
        int64_t causal, const X* qk, const X* v, const int32_t* order, const int32_t* codes, const X* gradient,       \
        const X* out, const sum_t<X>* lse, X* of_qk, X* of_v) {                                                       \
        differentiate(threads, {heads, rounds, length, dim, chunk, scale, causal != 0}, qk, v, order, codes,          \
                      gradient, out, lse, of_qk, of_v);                                                               \
    }
GRADIENTS(float, f32)
GRADIENTS(double, f64)
GRADIENTS(bf16, bf16)
