// Kernels with one fault each, to show that the sanitizers see such faults in kernels built as ours are.
#include "kernel.h"

// Writes one past the end.
EXPORT void overrun(int64_t threads, int64_t n, int32_t* values) {
    parallel_chunks(threads, n + 1, n + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) values[i] = 1;
    });
}

// Shifts by more bits than there are.
EXPORT void undefined(int64_t, int64_t n, int32_t* values) { values[0] = 1 << n; }

// Adds to one place from every thread.
EXPORT void race(int64_t threads, int64_t n, int32_t* values) {
    parallel_chunks(threads, n, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) values[0] += 1;
    });
}

// As `race`, each thread in a place of its own: no fault.
EXPORT void clean(int64_t threads, int64_t n, int32_t* values) {
    parallel_chunks(threads, n, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) values[i] += 1;
    });
}
