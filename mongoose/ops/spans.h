// Where a query's buckets lie in the main and the side tables.
#pragma once

#include "kernel.h"

struct Span {
    int64_t begin, end, side_begin, side_end;
    int64_t length() const { return end - begin + side_end - side_begin; }
};

// Cut the bucket [main, then side] to the `cap` items from `first` on.
inline void cut(Span& span, int64_t first, int64_t cap) {
    const int64_t main = span.end - span.begin, last = first + cap;
    span.side_end = span.side_begin + std::max<int64_t>(0, last - main);
    span.side_begin += std::max<int64_t>(0, first - main);
    span.end = span.begin + std::min(main, last);
    span.begin += std::min(main, first);
}

// Tables as compressed rows: table l of `items` holds num_items, of `side_items` num_side; side_* may be null.
struct Tables {
    int64_t num_items, num_side, num_buckets;
    const int32_t *offsets, *side_offsets;

    // The bucket `code` of a table; where it holds more than `cap`, a run of `cap` that starts at the share `window`.
    Span bucket(int64_t table, int64_t code, const float* window, int64_t cap) const {
        const int64_t at = table * (num_buckets + 1) + code;
        Span span{table * num_items + offsets[at], table * num_items + offsets[at + 1], 0, 0};
        if (side_offsets) {
            span.side_begin = table * num_side + side_offsets[at];
            span.side_end = table * num_side + side_offsets[at + 1];
        }
        const int64_t spare = span.length() - cap;
        if (window && spare > 0) cut(span, std::min(spare, int64_t(*window * float(spare + 1))), cap);
        return span;
    }
};
