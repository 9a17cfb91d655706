// Meetings of the lanes of a warp: __syncwarp, shuffles, votes and matches.
#include <algorithm>
#include <cstring>

#include "machine.h"

namespace emulator {

namespace {

// One meeting: the lanes of a mask that have all come. `lanes` are those of the warp that exist.
struct Group {
    Thread* lanes;
    uint32_t present;

    bool has(unsigned lane) const { return present >> lane & 1; }
};

bool same_place(const Thread& a, const Thread& b) {
    return a.meeting == b.meeting && a.place.line == b.place.line && !std::strcmp(a.place.file, b.place.file);
}

// Whether every lane of the mask of `first` has come; reports those that never can.
bool complete(const Group& group, const Thread& first) {
    for (unsigned lane = 0; lane < 32; lane++) {
        if (!group.has(lane)) continue;
        const Thread& other = group.lanes[lane];
        if (other.state == State::done) {
            report("%s:%d: thread %u names lane %u in its mask, which has returned", first.place.file,
                   first.place.line, first.linear, lane);
            return false;
        }
        if (other.state != State::at_meeting || other.mask != first.mask) return false;
        if (!same_place(first, other)) {
            report("lanes of a warp meet in different places: thread %u at %s:%d, thread %u at %s:%d", first.linear,
                   first.place.file, first.place.line, other.linear, other.place.file, other.place.line);
            return false;
        }
    }
    return true;
}

uint32_t lanes_with(const Group& group, uint64_t value) {
    uint32_t found = 0;
    for (unsigned lane = 0; lane < 32; lane++)
        if (group.has(lane) && group.lanes[lane].value == value) found |= 1u << lane;
    return found;
}

void answer(const Group& group, Thread& thread) {
    switch (thread.meeting) {
        case Meeting::sync: break;
        case Meeting::match: thread.result = lanes_with(group, thread.value); break;
        case Meeting::ballot: thread.result = lanes_with(group, 1); break;
        case Meeting::any: thread.result = lanes_with(group, 1) != 0; break;
        case Meeting::all: thread.result = lanes_with(group, 1) == group.present; break;
        case Meeting::shuffle:
            if (thread.source < 0 || thread.source > 31 || !group.has(unsigned(thread.source)))
                report("%s:%d: thread %u reads lane %d in a shuffle, which takes no part", thread.place.file,
                       thread.place.line, thread.linear, thread.source);
            else
                thread.result = group.lanes[thread.source].value;
    }
}

Order& order_of(const Thread& thread) {
    const Unwatched unwatched;
    return machine.orders->warps[uint64_t(thread.linear / 32) << 32 | thread.mask];
}

void dismiss(const Group& group, const Thread& first) {
    if (FINDS_RACES && first.meeting == Meeting::sync) order_of(first).turn++;
    for (unsigned lane = 0; lane < 32; lane++)
        if (group.has(lane)) answer(group, group.lanes[lane]);
    for (unsigned lane = 0; lane < 32; lane++)
        if (group.has(lane)) group.lanes[lane].state = State::ready;
}

}  // namespace

bool hold_meetings(unsigned warp) {
    Thread* lanes = machine.threads.data() + 32 * warp;
    const unsigned width = unsigned(std::min<size_t>(machine.threads.size() - 32 * warp, 32));
    const uint32_t existing = width == 32 ? 0xffffffffu : (1u << width) - 1;
    bool held = false;
    for (unsigned lane = 0; lane < width && !machine.failed(); lane++) {
        const Thread& first = lanes[lane];
        if (first.state != State::at_meeting) continue;
        const Group group{lanes, first.mask & existing};
        if (!complete(group, first)) continue;
        dismiss(group, first);
        held = true;
    }
    return held;
}

uint64_t meet(Meeting meeting, uint32_t mask, uint64_t value, int source, Place here) {
    Thread& thread = machine.running();
    if (!(mask >> thread.lane & 1)) {
        report("%s:%d: thread %u calls with mask %08x, which leaves it out", here.file, here.line, thread.linear, mask);
        wait(State::done, here);
    }
    thread.meeting = meeting;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    // Only __syncwarp orders memory; a shuffle or a vote does not.
    void* key = FINDS_RACES && meeting == Meeting::sync ? order_of(thread).key() : nullptr;
    if (key) release(key);
    wait(State::at_meeting, here);
    if (key) acquire(key);
    return thread.result;
}

}  // namespace emulator
