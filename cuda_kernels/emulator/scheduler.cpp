// Runs a launch: block after block, and in a block one warp at a time, until its lanes wait at a barrier or have returned.
//
// The order of blocks, warps and lanes is the schedule: forward, reverse, or drawn from a seed, where a warp that goes on
// is drawn anew at every meeting. What a kernel computes must not depend on it.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <numeric>
#include <random>

#include "machine.h"

namespace emulator {

Running* current;
uint3 block_index;
dim3 block_size, grid_size;
Machine machine;

namespace {

constexpr unsigned MAX_THREADS = 1024;
// To ThreadSanitizer a fiber is one thread, whatever it runs: what two blocks do on it is in order, and no race. So as
// many blocks of a launch as there are fibers for have their own. It takes about 8,000 threads.
constexpr size_t MAX_FIBERS = 4096;
constexpr unsigned MAX_ATOMICS = 1u << 26;
enum Schedule { FORWARD, REVERSE, RANDOM };

std::mt19937 generator;

template <class T>
void arrange(std::vector<T>& order) {
    std::iota(order.begin(), order.end(), T(0));
    if (machine.geometry->order == REVERSE) std::reverse(order.begin(), order.end());
    if (machine.geometry->order == RANDOM) std::shuffle(order.begin(), order.end(), generator);
}

void body() {
    Fiber::arrived_first(machine.host);
    for (;;) {
        acquire(&machine.launch_begins);
        machine.kernel(machine.arguments);
        release(&machine.launch_ends);
        wait(State::done, {"the end of the kernel", 0});
    }
}

// A fiber for a thread of the block with this number among those that run.
Fiber* fiber_for(size_t number, unsigned thread) {
    const size_t n = machine.threads.size(), blocks = FINDS_RACES ? std::max<size_t>(MAX_FIBERS / n, 1) : 1;
    const size_t at = number % blocks * n + thread;
    while (machine.fibers.size() <= at) machine.fibers.push_back(std::make_unique<Fiber>());
    if (!machine.fibers[at]->made()) machine.fibers[at]->make(body);
    return machine.fibers[at].get();
}

void begin_block(size_t number) {
    const unsigned n = unsigned(machine.threads.size());
    for (unsigned i = 0; i < n; i++) {
        Thread& thread = machine.threads[i];
        thread = Thread();
        thread.linear = i;
        thread.lane = i % 32;
        thread.index = {i % block_size.x, i / block_size.x % block_size.y, i / (block_size.x * block_size.y)};
        thread.fiber = fiber_for(number, i);
        if (!FINDS_RACES) continue;
        char name[80];
        std::snprintf(name, sizeof name, "block (%u,%u,%u) thread (%u,%u,%u)", block_index.x, block_index.y,
                      block_index.z, thread.index.x, thread.index.y, thread.index.z);
        thread.fiber->name(name);
    }
    machine.orders = std::make_unique<Orders>();
    begin_shared_memory(machine.geometry->dynamic_bytes);
}

bool any_ready(unsigned warp) {
    const size_t end = std::min<size_t>(machine.threads.size(), 32 * (warp + 1));
    for (size_t i = 32 * warp; i < end; i++)
        if (machine.threads[i].state == State::ready) return true;
    return false;
}

// Runs every lane that can go on up to its next wait, then holds the meetings that are complete. False: a report.
bool advance(unsigned warp) {
    static std::vector<unsigned> lanes;
    lanes.resize(std::min<size_t>(machine.threads.size() - 32 * warp, 32));
    arrange(lanes);
    for (const unsigned lane : lanes) {
        Thread& thread = machine.threads[32 * warp + lane];
        if (thread.state != State::ready) continue;
        current = &thread;
        machine.host.go_on_with(*thread.fiber);
        if (machine.failed()) return false;
    }
    hold_meetings(warp);
    return !machine.failed();
}

// The next warp that can go on, in the schedule's order; the number of warps if none can.
unsigned next_warp() {
    static std::vector<unsigned> order;
    order.resize(machine.warps());
    arrange(order);
    for (const unsigned warp : order)
        if (any_ready(warp)) return warp;
    return machine.warps();
}

const Thread* waiting(State state) {
    for (const Thread& thread : machine.threads)
        if (thread.state == state) return &thread;
    return nullptr;
}

void report_deadlock(const Thread& at_meeting) {
    const Thread* at_barrier = waiting(State::at_barrier);
    if (at_barrier)
        report("deadlock: threads wait in __syncthreads at %s:%d for thread %u, which waits for lanes %08x at %s:%d",
               at_barrier->place.file, at_barrier->place.line, at_meeting.linear, at_meeting.mask,
               at_meeting.place.file, at_meeting.place.line);
    else
        report("deadlock: thread %u waits for lanes %08x at %s:%d, and they do not come", at_meeting.linear,
               at_meeting.mask, at_meeting.place.file, at_meeting.place.line);
}

// Nobody can go on: a barrier is complete, or there is an error. False where the block is at its end, or a report.
bool pass_barrier() {
    if (const Thread* lost = waiting(State::at_meeting)) return report_deadlock(*lost), false;
    const Thread* first = waiting(State::at_barrier);
    if (!first) return false;
    int votes = 0, all = 0;
    for (const Thread& thread : machine.threads) {
        if (thread.state != State::at_barrier) {
            const Thread& other = thread;
            return report("divergent barrier: thread %u has returned, others wait in __syncthreads at %s:%d",
                          other.linear, first->place.file, first->place.line), false;
        }
        if (thread.place.line != first->place.line || std::string(thread.place.file) != first->place.file)
            return report("divergent barrier: thread %u waits in __syncthreads at %s:%d, thread %u at %s:%d",
                          first->linear, first->place.file, first->place.line, thread.linear, thread.place.file,
                          thread.place.line), false;
        votes += int(thread.value), all++;
    }
    for (Thread& thread : machine.threads) {
        thread.result = thread.vote == Vote::count ? votes : thread.vote == Vote::any ? votes > 0 : votes == all;
        thread.state = State::ready;
    }
    machine.orders->barrier.turn++;
    return true;
}

void forget_orders() {
    const Unwatched unwatched;
    machine.orders.reset();
}

void run_block(size_t number) {
    begin_block(number);
    do {
        for (unsigned warp; (warp = next_warp()) < machine.warps();)
            if (!advance(warp)) break;
    } while (!machine.failed() && pass_barrier());
    forget_orders();
    end_shared_memory();
}

void run_grid() {
    std::vector<size_t> blocks(size_t(grid_size.x) * grid_size.y * grid_size.z);
    arrange(blocks);
    for (size_t number = 0; number < blocks.size() && !machine.failed(); number++) {
        const size_t at = blocks[number];
        block_index = {unsigned(at % grid_size.x), unsigned(at / grid_size.x % grid_size.y),
                       unsigned(at / grid_size.x / grid_size.y)};
        run_block(number);
    }
}

}  // namespace

void report(const char* format, ...) {
    if (machine.failed()) return;
    char text[512], where[64];
    va_list given;
    va_start(given, format);
    std::vsnprintf(text, sizeof text, format, given);
    va_end(given);
    std::snprintf(where, sizeof where, "; block (%u,%u,%u)", block_index.x, block_index.y, block_index.z);
    machine.error = std::string(text) + where;
}

void wait(State state, Place here) {
    Thread& thread = machine.running();
    thread.state = state;
    thread.place = here;
    thread.atomics = 0;
    thread.fiber->go_on_with(machine.host);
}

int barrier(Vote vote, int ballot, Place here) {
    Thread& thread = machine.running();
    thread.vote = vote;
    thread.value = uint64_t(ballot);
    void* key = machine.orders->barrier.key();
    release(key);
    wait(State::at_barrier, here);
    acquire(key);
    return int(thread.result);
}

void fence() {
    static char key;  // as if all fences of a launch came one after the other
    release(&key);
    acquire(&key);
}

void count_atomic() {
    Thread& thread = machine.running();
    if (++thread.atomics < MAX_ATOMICS) return;
    report("thread %u has done %u atomic operations without meeting another thread: threads that wait for each other in "
           "a loop cannot be run here", thread.linear, MAX_ATOMICS);
    wait(State::done, {"", 0});
}

int launch(void (*kernel)(void*), void* arguments, const Geometry& geometry, char* message, size_t room) {
    const unsigned* block = geometry.block;
    const size_t threads = size_t(block[0]) * block[1] * block[2];
    if (threads < 1 || threads > MAX_THREADS) {
        std::snprintf(message, room, "a block of %zu threads; CUDA takes 1 … %u", threads, MAX_THREADS);
        return 1;
    }
    machine.kernel = kernel;
    machine.arguments = arguments;
    machine.geometry = &geometry;
    machine.error.clear();
    machine.host.adopt();
    machine.threads.resize(threads);
    block_size = {block[0], block[1], block[2]};
    grid_size = {geometry.grid[0], geometry.grid[1], geometry.grid[2]};
    generator.seed(geometry.seed);
    release(&machine.launch_begins);
    run_grid();
    acquire(&machine.launch_ends);
    if (!machine.failed()) return 0;
    for (auto& fiber : machine.fibers) fiber->drop();
    std::snprintf(message, room, "%s", machine.error.c_str());
    return 1;
}

}  // namespace emulator
