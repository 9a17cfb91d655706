// Shared memory of a block: of exact size, so that AddressSanitizer sees the first byte past it, and filled with 0xFF
// (NaN, −1), since a GPU does not zero it.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "machine.h"

namespace emulator {

namespace {

struct Array {
    const void* site;
    void* memory;
};

std::vector<Array> arrays;
void* dynamic = nullptr;

void* poisoned(size_t bytes) {
    void* memory = std::malloc(bytes);
    if (!memory) std::abort();
    std::memset(memory, 0xFF, bytes);
    return memory;
}

}  // namespace

void begin_shared_memory(size_t dynamic_bytes) {
    const Unwatched unwatched;
    dynamic = dynamic_bytes ? poisoned(dynamic_bytes) : nullptr;
}

void end_shared_memory() {
    const Unwatched unwatched;
    for (const Array& array : arrays) std::free(array.memory);
    arrays.clear();
    std::free(dynamic);
    dynamic = nullptr;
}

void* static_shared(const void* site, size_t bytes) {
    for (const Array& array : arrays)
        if (array.site == site) return array.memory;
    const Unwatched unwatched;
    arrays.push_back({site, poisoned(bytes)});
    return arrays.back().memory;
}

void* dynamic_shared() { return dynamic; }

}  // namespace emulator
