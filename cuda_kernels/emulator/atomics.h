// Atomic operations: relaxed, as CUDA's are, so that ThreadSanitizer draws no order from them.
//
// They take any type; that CUDA has an operation for it, NVRTC checks.
#pragma once
#include "threads.h"

namespace emulator {

template <class T>
struct Same {
    using type = T;
};
template <class T>
using Value = typename Same<T>::type;  // an argument that is converted, not deduced

// *at = change(*at); returns what was there.
template <class T, class Change>
T update(T* at, Change change) {
    count_atomic();
    T before, after;
    __atomic_load(at, &before, __ATOMIC_RELAXED);
    do after = change(before);
    while (!__atomic_compare_exchange(at, &before, &after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return before;
}

}  // namespace emulator

#define EMULATOR_ATOMIC(name, expression)                             \
    template <class T>                                                \
    inline T name(T* at, ::emulator::Value<T> value) {                \
        return ::emulator::update(at, [=](T old) -> T { return expression; }); \
    }
EMULATOR_ATOMIC(atomicAdd, old + value)
EMULATOR_ATOMIC(atomicSub, old - value)
EMULATOR_ATOMIC(atomicMax, old > value ? old : value)
EMULATOR_ATOMIC(atomicMin, old < value ? old : value)
EMULATOR_ATOMIC(atomicOr, old | value)
EMULATOR_ATOMIC(atomicAnd, old & value)
EMULATOR_ATOMIC(atomicXor, old ^ value)
EMULATOR_ATOMIC(atomicExch, (void(old), value))

template <class T>
inline T atomicCAS(T* at, ::emulator::Value<T> expected, ::emulator::Value<T> value) {
    return ::emulator::update(at, [=](T old) -> T { return old == expected ? value : old; });
}

inline void __threadfence() { ::emulator::fence(); }
inline void __threadfence_block() { ::emulator::fence(); }
