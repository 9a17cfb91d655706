// Ranges of different lengths, laid end to end.
#include "kernel.h"

EXPORT void ranges(int64_t, int64_t n, const int64_t* start, const int64_t* length, int64_t* which,
                   int64_t* position) {
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < length[i]; j++, at++) {
            which[at] = i;
            position[at] = start[i] + j;
        }
}
