// LSH attention: chunks of a sorted sequence attend to themselves and to the chunk before.
//
// A chunk's rows are gathered once into contiguous memory; its scores, soft-max and products stay in the second-level
// cache. Scores lie a key a row, so that all that is done to them runs along queries. What a query meets in two rounds
// counts in the first: the union of rounds is summed as the sum over rounds of what is new in each.
//
// A run of chunks is one thread's. In a round every query lies in one chunk, so the rows that runs write are disjoint;
// but the keys before a run, whose gradients are kept aside and added after the round. Runs, and with them all sums, are
// the same for any number of threads.
#include "block_product.h"

namespace {

constexpr int64_t RUN = 16;       // chunks of a run
constexpr int32_t NOWHERE = -4;   // chunk of a position that does not exist
constexpr int32_t NOBODY = -1;    // position in the place of one that is missing at the end of a chunk

template <class T>
constexpr T UNMET = std::numeric_limits<T>::lowest();  // score of what is not met
template <class T>
constexpr T ALONE = -std::numeric_limits<T>::infinity();  // log-sum-exp of what meets nobody

// Memory in whole vectors, handed out in pieces.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t size) : memory_(size / LANES<T>) {}
    T* take(int64_t size) {
        T* piece = reinterpret_cast<T*>(memory_.data()) + used_;
        used_ += size;
        return piece;
    }

  private:
    std::vector<lanes<T>> memory_;
    int64_t used_ = 0;
};

struct Sizes {
    int64_t heads, rounds, length, dim, chunk;
    double scale;
    bool causal;
};

// The order of one head, and for every position what tells whether two meet.
struct Order : Sizes {
    const int32_t* order;  // [rounds, length]
    const int32_t* codes;  // [rounds, length] or null
    int64_t count;         // positions that exist
    std::vector<int32_t> chunks;  // [length, rounds]

    Order(const Sizes& sizes, const int32_t* orders, const int32_t* all_codes, int64_t head)
        : Sizes(sizes), order(orders + head * rounds * length),
          codes(all_codes ? all_codes + head * rounds * length : nullptr), chunks(length * rounds, NOWHERE) {
        count = std::find(order, order + length, -1) - order;
        for (int64_t r = 0; r < rounds; r++)
            for (int64_t s = 0; s < count; s++)
                if (order[r * length + s] >= 0) chunks[order[r * length + s] * rounds + r] = int32_t(s / chunk);
    }
    int64_t num_chunks() const { return (count + chunk - 1) / chunk; }
    int64_t num_runs() const { return (num_chunks() + RUN - 1) / RUN; }
};

template <class X, class T>
inline void widen(const X* __restrict from, T* __restrict to, int64_t n) {
#pragma omp simd
    for (int64_t d = 0; d < n; d++) to[d] = static_cast<T>(from[d]);
}

// to[d, i] = scale · from[i, d], both [rows, columns] in whole vectors.
template <class T>
void turn(const T* from, int64_t rows, int64_t columns, T scale, T* to) {
    for (int64_t i = 0; i < rows; i += LANES<T>)
        for (int64_t d = 0; d < columns; d += LANES<T>) {
            lanes<T> square[LANES<T>];
            for (int64_t r = 0; r < LANES<T>; r++)
                std::memcpy(&square[r], from + (i + r) * columns + d, VECTOR_BYTES);
            transpose<T>(square);
            for (int64_t r = 0; r < LANES<T>; r++) {
                square[r] *= scale;
                std::memcpy(to + (d + r) * rows + i, &square[r], VECTOR_BYTES);
            }
        }
}

// The chunk at work and the one before it. Chunk c is in half c % 2 of what belongs to keys.
template <class X>
struct Window {
    using T = sum_t<X>;
    const Order& order;
    const int64_t round, m, lanes_m, width;  // m up to whole vectors; dim up to whole vectors
    Scratch<T> scratch;
    T *query, *turned, *key, *value, *score;     // [m', dim'], [dim', m'], [2m, dim'], [2m, dim'], [2m, m']
    T* inverse;                                  // [2m] 1 / norm of a key's query
    std::vector<int32_t> position;               // [2m]
    std::vector<int32_t> key_mark, query_mark;   // [marks, 2m], [marks, m']
    std::vector<mask_t<T>> met;                  // [m']
    std::vector<int32_t> query_position;         // [m']
    int64_t first = 0, keys = 0, queries = 0;    // keys first … first + keys − 1 of the halves are held

    Window(const Order& given, int64_t this_round, int64_t more)
        : order(given), round(this_round), m(given.chunk), lanes_m(whole<T>(m)), width(whole<T>(given.dim)),
          scratch(2 * lanes_m * width + 4 * m * width + 2 * m * lanes_m + whole<T>(2 * m) + more),
          position(2 * m, NOBODY), key_mark(marks() * 2 * m), query_mark(marks() * lanes_m), met(lanes_m),
          query_position(lanes_m) {
        query = scratch.take(lanes_m * width), turned = scratch.take(width * lanes_m);
        key = scratch.take(2 * m * width), value = scratch.take(2 * m * width);
        score = scratch.take(2 * m * lanes_m), inverse = scratch.take(whole<T>(2 * m));
    }

    int64_t marks() const { return (round + 1) * (order.codes ? 2 : 1); }
    // The e-th chunk, or bucket, of a position.
    int32_t mark(int64_t e, int64_t at) const {
        return e <= round ? order.chunks[at * order.rounds + e] : order.codes[(e - round - 1) * order.length + at];
    }
    int64_t half(int64_t c) const { return c % 2 * m; }
    int64_t held(int64_t c) const { return std::min(m, order.count - c * m); }
    const int32_t* places(int64_t c) const { return order.order + round * order.length + c * m; }

    // Chunk c becomes the one at work; `before`: the one before it is at hand.
    void load(const X* qk, const X* v, int64_t c, bool before) {
        load_keys(qk, v, c);
        first = before ? 0 : half(c), keys = before ? 2 * m : m, queries = held(c);
        const T scale = T(order.scale);
        std::fill(query + queries * width, query + lanes_m * width, T(0));
        std::fill(query_position.begin(), query_position.end(), NOBODY);
        for (int64_t i = 0; i < queries; i++) {
            query_position[i] = places(c)[i];
            for (int64_t e = 0; e < marks(); e++) query_mark[e * lanes_m + i] = mark(e, places(c)[i]);
        }
        turn(query, lanes_m, width, scale, turned);
    }

    void load_keys(const X* qk, const X* v, int64_t c) {
        const int64_t dim = order.dim, base = half(c);
        queries = held(c);
        for (int64_t i = 0; i < m; i++) {
            const int64_t j = base + i;
            if (i >= queries) {
                position[j] = NOBODY;
                std::fill(key + j * width, key + (j + 1) * width, T(0));
                std::fill(value + j * width, value + (j + 1) * width, T(0));
                continue;
            }
            const int64_t at = position[j] = places(c)[i];
            if (i + 8 < queries) prefetch_row(qk, v, places(c)[i + 8]);
            T* q = query + i * width;
            widen(qk + at * dim, q, dim);
            widen(v + at * dim, value + j * width, dim);
            inverse[j] = 1 / std::max(std::sqrt(dot(q, q, dim)), T(1e-6));
            for (int64_t d = 0; d < dim; d++) key[j * width + d] = q[d] * inverse[j];
            for (int64_t e = 0; e < marks(); e++) key_mark[e * 2 * m + j] = mark(e, at);
        }
    }

    void prefetch_row(const X* qk, const X* v, int64_t at) const {
        prefetch(qk + at * order.dim, order.dim * sizeof(X));
        prefetch(v + at * order.dim, order.dim * sizeof(X));
    }

    // score[j] = the scores of key j for all queries.
    void multiply() {
        block_product<T>(keys, lanes_m, order.dim, {key + first * width, width, 1}, turned, lanes_m,
                         score + first * lanes_m, lanes_m, false);
    }

    // Which queries meet key j now for the first time; whether any may.
    bool meet(int64_t j) {
        const int32_t at = position[j];
        if (at == NOBODY) return false;
        mask_t<T>* __restrict who = met.data();
        const int32_t* __restrict asks = query_position.data();
        const bool causal = order.causal;
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) who[i] = causal ? at < asks[i] : at != asks[i];
        for (int64_t e = 0; e < round; e++) forget_met(j, e);
        if (order.codes) {
            const int32_t* __restrict bucket = &query_mark[(2 * round + 1) * lanes_m];
            const int32_t own = key_mark[(2 * round + 1) * 2 * m + j];
#pragma omp simd
            for (int64_t i = 0; i < lanes_m; i++) who[i] &= bucket[i] == own;
        }
        return true;
    }

    void forget_met(int64_t j, int64_t e) {
        mask_t<T>* __restrict who = met.data();
        const int32_t* __restrict chunk = &query_mark[e * lanes_m];
        const uint32_t own = key_mark[e * 2 * m + j];
        if (!order.codes) {
#pragma omp simd
            for (int64_t i = 0; i < lanes_m; i++) who[i] &= uint32_t(chunk[i]) - own > 1u;
            return;
        }
        const int32_t* __restrict bucket = &query_mark[(round + 1 + e) * lanes_m];
        const int32_t code = key_mark[(round + 1 + e) * 2 * m + j];
#pragma omp simd
        for (int64_t i = 0; i < lanes_m; i++) who[i] &= (uint32_t(chunk[i]) - own > 1u) | (bucket[i] != code);
    }
};

// The sums of a head so far: its output times `sum`, over eˣ of what scores are above `most`.
template <class T>
struct Sums {
    T *output, *most, *sum;  // [length, dim], [length], [length]
};

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

// Call `body(threads, begin, end)` for all heads: one after the other, whose runs threads share, or a thread a head where
// a head has too few runs to share. The first way fewer rows are at work at once, which then lie in cache.
template <class Body>
void over_heads(int64_t threads, const Sizes& sizes, const Body& body) {
    if (sizes.heads % threads || sizes.length >= 4 * threads * RUN * sizes.chunk)
        body(threads, 0, sizes.heads);
    else
        parallel_chunks(threads, sizes.heads, 1, [&](int64_t begin, int64_t end) { body(1, begin, end); });
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

#define ATTENTION(X, suffix)                                                                                          \
    EXPORT void lsh_attention_##suffix(int64_t threads, int64_t heads, int64_t rounds, int64_t length, int64_t dim,   \
                                       int64_t chunk, double scale, int64_t causal, const X* qk, const X* v,          \
                                       const int32_t* order, const int32_t* codes, X* out, sum_t<X>* lse) {           \
        attend(threads, {heads, rounds, length, dim, chunk, scale, causal != 0}, qk, v, order, codes, out, lse);      \
    }                                                                                                                 \
    EXPORT void lsh_attention_gradients_##suffix(                                                                     \
        int64_t threads, int64_t heads, int64_t rounds, int64_t length, int64_t dim, int64_t chunk, double scale,     \
        int64_t causal, const X* qk, const X* v, const int32_t* order, const int32_t* codes, const X* gradient,       \
        const X* out, const sum_t<X>* lse, X* of_qk, X* of_v) {                                                       \
        differentiate(threads, {heads, rounds, length, dim, chunk, scale, causal != 0}, qk, v, order, codes,          \
                      gradient, out, lse, of_qk, of_v);                                                               \
    }
ATTENTION(float, f32)
ATTENTION(double, f64)
ATTENTION(bf16, bf16)
