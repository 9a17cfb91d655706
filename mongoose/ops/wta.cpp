// Winner-take-all codes: which coordinate of a bin is the largest, for bins that share a table laid side by side.
#include "lanes.h"

namespace {

// Where the bins of all tables look, and where an empty one looks for another's winner.
struct Bins {
    int64_t count, size;        // `count` bins of `size` coordinates
    const int32_t* coordinate;  // [count, size]
    const int32_t* probe;       // [count, 2]: start and odd step, modulo a power of two; null: no bin is ever empty
};

int64_t power_of_two_from(int64_t least) {
    int64_t power = 1;
    while (power < least) power *= 2;
    return power;
}

// Give every empty bin (winner −1) the winner of the first bin on its probe sequence that has one of its own; 0 if none
// has. Winner b is at winner[b · stride].
template <class I>
void fill_empty(const Bins& bins, I* winner, int64_t stride) {
    const int64_t mask = power_of_two_from(bins.count) - 1;
    const auto borrowed = [](I value) { return static_cast<I>(-2 - value); };  // still negative, and its own inverse
    int64_t own = 0;
    for (int64_t b = 0; b < bins.count; b++) own += winner[b * stride] >= 0;
    if (own == bins.count) return;
    for (int64_t b = 0; b < bins.count; b++) {
        if (winner[b * stride] >= 0) continue;
        winner[b * stride] = borrowed(0);
        for (int64_t attempt = 0; own && attempt <= mask; attempt++) {
            const int64_t other = (bins.probe[2 * b] + attempt * bins.probe[2 * b + 1]) & mask;
            if (other >= bins.count || winner[other * stride] < 0) continue;
            winner[b * stride] = borrowed(winner[other * stride]);
            break;
        }
    }
    for (int64_t b = 0; b < bins.count; b++) {
        if (winner[b * stride] < 0) winner[b * stride] = borrowed(winner[b * stride]);
    }
}

// Winners of a group's rows in every bin, the first of equals; −1 where the bin is empty: where bins may be, and all of
// its coordinates are −∞. Returns whether one is.
template <class T>
bool find_winners(const Bins& bins, const lanes<T>* group, lane_mask<T>* winner) {
    constexpr T lowest = -std::numeric_limits<T>::infinity();
    lane_mask<T> empty{};
    for (int64_t b = 0; b < bins.count; b++) {
        const int32_t* coordinate = bins.coordinate + b * bins.size;
        lanes<T> best = group[coordinate[0]];
        lane_mask<T> at{};
        for (int64_t j = 1; j < bins.size; j++) {
            const lanes<T> value = group[coordinate[j]];
            const lane_mask<T> larger = value > best;
            best = larger ? value : best;
            at = larger ? lane_mask<T>{} + static_cast<mask_t<T>>(j) : at;
        }
        const lane_mask<T> none = bins.probe ? best == lowest : lane_mask<T>{};
        winner[b] = at | none;
        empty |= none;
    }
    mask_t<T> found = 0;
    for (int64_t r = 0; r < LANES<T>; r++) found |= empty[r];
    return found;
}

// group −= centre; then, where absent coordinates matter, those that are 0 become −∞, so that they never win.
template <class T>
void prepare(lanes<T>* group, int64_t dim, const T* centre, bool hide_zeros) {
    if (centre) {
        for (int64_t d = 0; d < dim; d++) group[d] -= centre[d];
    }
    if (hide_zeros) {
        const lanes<T> lowest = lanes<T>{} - std::numeric_limits<T>::infinity();
        for (int64_t d = 0; d < dim; d++) group[d] = group[d] == T(0) ? lowest : group[d];
    }
}

// code l = Σ_j winner of bin l·B + j, shifted by j · bits, for tables of B bins; with few bits winners overlap
template <class I>
I pack_winners(const I* winner, int64_t bins_per_table, int64_t bits) {
    I code{};
    for (int64_t j = 0; j < bins_per_table; j++) code += winner[j] << (j * bits);
    return code;
}

template <class T>
void hash_dense(int64_t threads, int64_t rows, int64_t dim, const T* x, const T* centre, const Bins& bins,
                int64_t tables, int64_t bits, int32_t* codes) {
    const int64_t bins_per_table = bins.count / tables;
    parallel_chunks(threads, rows, GROUPED_ROWS<T>, [&](int64_t begin, int64_t end) {
        std::vector<lanes<T>> group(dim);
        std::vector<lane_mask<T>> winner(bins.count), code(code_room<T>(tables));
        for (int64_t first = begin; first < end; first += LANES<T>) {
            load_group(x, rows, dim, first, group.data());
            prepare(group.data(), dim, centre, bins.probe != nullptr);
            if (find_winners<T>(bins, group.data(), winner.data())) {
                auto* each = reinterpret_cast<mask_t<T>*>(winner.data());
                for (int64_t r = 0; r < LANES<T>; r++) fill_empty(bins, each + r, LANES<T>);
            }
            for (int64_t l = 0; l < tables; l++) {
                code[l] = pack_winners(winner.data() + l * bins_per_table, bins_per_table, bits);
            }
            store_codes<T>(code.data(), rows, tables, first, codes);
        }
    });
}

// slots[offsets[d] … offsets[d + 1] − 1]: the places b · size + j where coordinate d stands in the bins.
template <class T>
void hash_csr(int64_t threads, int64_t rows, const int64_t* indices, const T* values, const int64_t* offsets,
              const int64_t* slots, const int64_t* slot_offsets, const Bins& bins, int64_t tables, int64_t bits,
              int32_t* codes) {
    const int64_t bins_per_table = bins.count / tables, log_size = __builtin_ctzll(bins.size);
    parallel_chunks(threads, rows, 64, [&](int64_t begin, int64_t end) {
        std::vector<T> best(bins.count);
        std::vector<int32_t> winner(bins.count);
        for (int64_t i = begin; i < end; i++) {
            std::fill(winner.begin(), winner.end(), -1);
            for (int64_t at = offsets[i]; at < offsets[i + 1]; at++) {
                const T value = values[at];
                if (value == T(0) || value == -std::numeric_limits<T>::infinity()) continue;
                for (int64_t s = slot_offsets[indices[at]]; s < slot_offsets[indices[at] + 1]; s++) {
                    const int64_t b = slots[s] >> log_size;
                    const auto j = static_cast<int32_t>(slots[s] & (bins.size - 1));
                    if (winner[b] >= 0 && (value < best[b] || (value == best[b] && j > winner[b]))) continue;
                    best[b] = value;
                    winner[b] = j;
                }
            }
            fill_empty(bins, winner.data(), 1);
            for (int64_t l = 0; l < tables; l++) {
                codes[i * tables + l] = pack_winners(winner.data() + l * bins_per_table, bins_per_table, bits);
            }
        }
    });
}

}  // namespace

EXPORT void wta_f32(int64_t threads, int64_t rows, int64_t dim, const float* x, const float* centre, int64_t count,
                    int64_t size, const int32_t* coordinate, const int32_t* probe, int64_t tables, int64_t bits,
                    int32_t* codes) {
    hash_dense(threads, rows, dim, x, centre, {count, size, coordinate, probe}, tables, bits, codes);
}

EXPORT void wta_f64(int64_t threads, int64_t rows, int64_t dim, const double* x, const double* centre, int64_t count,
                    int64_t size, const int32_t* coordinate, const int32_t* probe, int64_t tables, int64_t bits,
                    int32_t* codes) {
    hash_dense(threads, rows, dim, x, centre, {count, size, coordinate, probe}, tables, bits, codes);
}

EXPORT void dwta_csr_f32(int64_t threads, int64_t rows, const int64_t* indices, const float* values,
                         const int64_t* offsets, const int64_t* slots, const int64_t* slot_offsets, int64_t count,
                         int64_t size, const int32_t* probe, int64_t tables, int64_t bits, int32_t* codes) {
    hash_csr(threads, rows, indices, values, offsets, slots, slot_offsets, {count, size, nullptr, probe}, tables, bits,
             codes);
}

EXPORT void dwta_csr_f64(int64_t threads, int64_t rows, const int64_t* indices, const double* values,
                         const int64_t* offsets, const int64_t* slots, const int64_t* slot_offsets, int64_t count,
                         int64_t size, const int32_t* probe, int64_t tables, int64_t bits, int32_t* codes) {
    hash_csr(threads, rows, indices, values, offsets, slots, slot_offsets, {count, size, nullptr, probe}, tables, bits,
             codes);
}
