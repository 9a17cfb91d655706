// The state of a launch, shared by the parts of the scheduler.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "entry.h"
#include "fiber.h"
#include "sanitizers.h"
#include "threads.h"

namespace emulator {

enum class State : uint8_t { ready, at_barrier, at_meeting, done };

struct Thread : Running {
    unsigned linear = 0;
    State state = State::ready;
    Place place{};  // where it waits
    Vote vote = Vote::none;
    Meeting meeting = Meeting::sync;
    uint32_t mask = 0;
    int source = 0;
    uint64_t value = 0, result = 0;  // what it brought, and what it takes away
    unsigned atomics = 0;            // since it last waited
    Fiber* fiber = nullptr;
};

// What orders the threads of a meeting for ThreadSanitizer. Two keys in turn: a thread that has left a meeting and come
// to the next must not yet order those that have not left.
struct Order {
    char keys[2];
    unsigned turn = 0;
    void* key() { return &keys[turn & 1]; }
};

// The orders of one block; a new block has new ones, or it would be ordered after the last.
struct Orders {
    Order barrier;
    std::map<uint64_t, Order> warps;  // by warp and mask
};

struct Machine {
    void (*kernel)(void*) = nullptr;
    void* arguments = nullptr;
    const Geometry* geometry = nullptr;
    Fiber host;
    std::vector<std::unique_ptr<Fiber>> fibers;  // kept for the next launch
    std::vector<Thread> threads;                 // of the block that runs
    std::unique_ptr<Orders> orders;
    std::string error;
    char launch_begins, launch_ends;  // keys: what the host wrote before, and what it reads after

    bool failed() const { return !error.empty(); }
    unsigned warps() const { return unsigned(threads.size() + 31) / 32; }
    Thread& running() { return *static_cast<Thread*>(current); }
};

extern Machine machine;

// Keeps the first message, with the block that was at work.
void report(const char* format, ...) __attribute__((format(printf, 1, 2)));

// The thread that runs waits: the host goes on.
void wait(State state, Place here);

// Lets those lanes of a warp go on whose meeting is complete; whether there were any.
bool hold_meetings(unsigned warp);

void begin_shared_memory(size_t dynamic_bytes);
void end_shared_memory();

}  // namespace emulator
