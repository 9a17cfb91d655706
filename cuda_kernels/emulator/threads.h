// Between the text of a kernel and the scheduler: who runs, and the points at which threads meet.
#pragma once
#include <cstddef>
#include <cstdint>

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

namespace emulator {

struct Place {
    const char* file;
    int line;
};

enum class Vote : uint8_t { none, count, any, all };                             // what a barrier brings back
enum class Meeting : uint8_t { sync, shuffle, ballot, any, all, match };         // what lanes of a warp meet for

// What a kernel may know of the thread that runs it.
struct Running {
    uint3 index;
    unsigned lane;
};

// One launch at a time: plain globals, since a thread-local one costs a call wherever a kernel says threadIdx.
extern Running* current;
extern uint3 block_index;
extern dim3 block_size, grid_size;

// Waits for all threads of the block that have not returned.
int barrier(Vote vote, int ballot, Place here);

// Waits for the lanes of `mask`; what comes back depends on the meeting. source: the lane that a shuffle reads.
uint64_t meet(Meeting meeting, uint32_t mask, uint64_t value, int source, Place here);

// The block's array that belongs to a place in the text, made at the first call; never zeroed.
void* static_shared(const void* site, size_t bytes);
void* dynamic_shared();

// Orders what this thread wrote before with what others read after theirs.
void fence();

// Called by every atomic operation; ends the launch where a thread seems to wait for another in a loop of them.
void count_atomic();

}  // namespace emulator
