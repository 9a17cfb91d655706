// Shuffles, votes and matches. A value travels as 64 bits.
#pragma once
#include <cstring>

#include "threads.h"

namespace emulator {

template <class T>
uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= 8, "a warp primitive takes values of at most 64 bits");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}

template <class T>
T from_bits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T>
T shuffle(uint32_t mask, T value, int source, Place here) {
    return from_bits<T>(meet(Meeting::shuffle, mask, to_bits(value), source, here));
}

// In each of the four, a lane whose source lies outside its segment of `width` lanes keeps its own value.
template <class T>
T shuffle_index(Place here, uint32_t mask, T value, int source, int width = 32) {
    const int lane = int(current->lane);
    return shuffle(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), here);
}

template <class T>
T shuffle_down(Place here, uint32_t mask, T value, unsigned by, int width = 32) {
    const int lane = int(current->lane), source = lane + int(by);
    return shuffle(mask, value, source <= (lane | (width - 1)) ? source : lane, here);
}

template <class T>
T shuffle_up(Place here, uint32_t mask, T value, unsigned by, int width = 32) {
    const int lane = int(current->lane), source = lane - int(by);
    return shuffle(mask, value, source >= (lane & ~(width - 1)) ? source : lane, here);
}

template <class T>
T shuffle_xor(Place here, uint32_t mask, T value, int with, int width = 32) {
    const int lane = int(current->lane), source = lane ^ with;
    return shuffle(mask, value, source <= (lane | (width - 1)) ? source : lane, here);
}

inline void sync_warp(Place here, uint32_t mask = 0xffffffffu) { meet(Meeting::sync, mask, 0, 0, here); }

}  // namespace emulator

#define __shfl_sync(...) ::emulator::shuffle_index(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_down_sync(...) ::emulator::shuffle_down(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_up_sync(...) ::emulator::shuffle_up(EMULATOR_HERE, __VA_ARGS__)
#define __shfl_xor_sync(...) ::emulator::shuffle_xor(EMULATOR_HERE, __VA_ARGS__)
#define __syncwarp(...) ::emulator::sync_warp(EMULATOR_HERE __VA_OPT__(, ) __VA_ARGS__)
#define EMULATOR_VOTE(meeting, mask, p) ::emulator::meet(::emulator::Meeting::meeting, mask, (p) ? 1 : 0, 0, EMULATOR_HERE)
#define __ballot_sync(mask, p) unsigned(EMULATOR_VOTE(ballot, mask, p))
#define __any_sync(mask, p) int(EMULATOR_VOTE(any, mask, p))
#define __all_sync(mask, p) int(EMULATOR_VOTE(all, mask, p))
#define __match_any_sync(mask, value) \
    unsigned(::emulator::meet(::emulator::Meeting::match, mask, ::emulator::to_bits(value), 0, EMULATOR_HERE))
