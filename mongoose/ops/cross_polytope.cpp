// Cross-polytope codes: the largest of a row's projections, signs counted.
#include "block_product.h"

namespace {

constexpr int64_t DIRECTIONS = 64;  // whose projections are held at once

// The projections of WIDTH rows at a time, a row a lane.
template <class T>
struct Projections {
    static constexpr int64_t WIDTH = 4 * LANES<T>;
    const int64_t dim, size;  // of rows; directions of a table
    std::vector<lanes<T>> memory, group;
    T *turned, *projected, *largest, *smallest;       // [dim, WIDTH], [DIRECTIONS, WIDTH], [WIDTH], [WIDTH]
    std::vector<mask_t<T>> at_largest, at_smallest;  // [WIDTH]

    Projections(int64_t dim, int64_t size)
        : dim(dim), size(size), memory((whole<T>(dim) + DIRECTIONS + 2) * WIDTH / LANES<T>), group(whole<T>(dim)),
          at_largest(WIDTH), at_smallest(WIDTH) {
        turned = reinterpret_cast<T*>(memory.data());
        projected = turned + whole<T>(dim) * WIDTH, largest = projected + DIRECTIONS * WIDTH;
        smallest = largest + WIDTH;
    }

    void load(const T* x, int64_t rows, int64_t first) {
        for (int64_t g = 0; g < WIDTH && first + g < rows; g += LANES<T>) {
            load_group(x, rows, dim, first + g, group.data());
            for (int64_t d = 0; d < dim; d++) std::memcpy(turned + d * WIDTH + g, &group[d], VECTOR_BYTES);
        }
    }

    // The codes of the rows at hand in a table whose directions are [size, dim]; offset: [size] or null.
    void hash(const T* directions, const T* offset) {
        std::fill_n(largest, WIDTH, -std::numeric_limits<T>::infinity());
        std::fill_n(smallest, WIDTH, std::numeric_limits<T>::infinity());
        std::fill(at_largest.begin(), at_largest.end(), 0);
        std::fill(at_smallest.begin(), at_smallest.end(), 0);
        for (int64_t from = 0; from < size; from += DIRECTIONS) {
            const int64_t count = std::min(DIRECTIONS, size - from);
            block_product<T>(count, WIDTH, dim, {directions + from * dim, dim, 1}, turned, WIDTH, projected, WIDTH,
                             false);
            for (int64_t j = 0; j < count; j++)
                compare(projected + j * WIDTH, offset ? offset[from + j] : T(0), mask_t<T>(from + j));
        }
    }

    void compare(const T* __restrict row, T shift, mask_t<T> j) {
        T *__restrict high = largest, *__restrict low = smallest;
        mask_t<T> *__restrict at_high = at_largest.data(), *__restrict at_low = at_smallest.data();
#pragma omp simd
        for (int64_t i = 0; i < WIDTH; i++) {
            const T p = row[i] - shift;
            at_high[i] = p > high[i] ? j : at_high[i];
            high[i] = p > high[i] ? p : high[i];
            at_low[i] = p < low[i] ? j : at_low[i];
            low[i] = p < low[i] ? p : low[i];
        }
    }

    int32_t code(int64_t i) const {
        return int32_t(-smallest[i] > largest[i] ? size + at_smallest[i] : at_largest[i]);
    }
};

// codes: [rows, tables] of x [rows, dim]; directions: [tables · size, dim].
template <class T>
void cross_polytope(int64_t threads, int64_t rows, int64_t dim, int64_t tables, int64_t size, const T* x,
                    const T* directions, const T* offset, int32_t* codes) {
    constexpr int64_t width = Projections<T>::WIDTH;
    parallel_chunks(threads, rows, 8 * width, [&](int64_t begin, int64_t end) {
        Projections<T> projections(dim, size);
        for (int64_t first = begin; first < end; first += width) {
            projections.load(x, end, first);
            for (int64_t l = 0; l < tables; l++) {
                projections.hash(directions + l * size * dim, offset ? offset + l * size : nullptr);
                for (int64_t i = 0; i < std::min(width, end - first); i++)
                    codes[(first + i) * tables + l] = projections.code(i);
            }
        }
    });
}

}  // namespace

#define CROSS_POLYTOPE(T, suffix)                                                                                     \
    EXPORT void cross_polytope_##suffix(int64_t threads, int64_t rows, int64_t dim, int64_t tables, int64_t size,     \
                                        const T* x, const T* directions, const T* offset, int32_t* codes) {           \
        cross_polytope(threads, rows, dim, tables, size, x, directions, offset, codes);                               \
    }
CROSS_POLYTOPE(float, f32)
CROSS_POLYTOPE(double, f64)
