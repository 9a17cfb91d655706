// What the sanitizers must be told of fibers and of the order that barriers make. Nothing, in a build without them.
//
// The scheduler itself is built without instrumentation; EMULATE_ADDRESS or EMULATE_THREAD says what the kernels have.
#pragma once
#include <cstddef>

#ifdef EMULATE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATE_THREAD
extern "C" {
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void* __tsan_get_current_fiber();
void __tsan_set_fiber_name(void*, const char*);
void __tsan_acquire(void*);
void __tsan_release(void*);
void AnnotateIgnoreReadsBegin(const char*, int);
void AnnotateIgnoreReadsEnd(const char*, int);
void AnnotateIgnoreWritesBegin(const char*, int);
void AnnotateIgnoreWritesEnd(const char*, int);
}
#endif

namespace emulator {

#ifdef EMULATE_THREAD
constexpr bool FINDS_RACES = true;
#else
constexpr bool FINDS_RACES = false;
#endif

// Everything before a release of a key comes before everything after an acquire that follows it.
inline void release([[maybe_unused]] void* key) {
#ifdef EMULATE_THREAD
    __tsan_release(key);
#endif
}

inline void acquire([[maybe_unused]] void* key) {
#ifdef EMULATE_THREAD
    __tsan_acquire(key);
#endif
}

// While one lives, what this thread reads and writes is the emulator's own business.
struct Unwatched {
#ifdef EMULATE_THREAD
    Unwatched() {
        AnnotateIgnoreReadsBegin("", 0);
        AnnotateIgnoreWritesBegin("", 0);
    }
    ~Unwatched() {
        AnnotateIgnoreWritesEnd("", 0);
        AnnotateIgnoreReadsEnd("", 0);
    }
#else
    Unwatched() {}
    ~Unwatched() {}
#endif
};

}  // namespace emulator
