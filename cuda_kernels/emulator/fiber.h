// A fiber: a stack, and the place on it where its thread goes on. x86-64 by a few instructions, others by ucontext.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>

#include "sanitizers.h"

#if defined(__x86_64__) && !defined(EMULATE_UCONTEXT)
#define EMULATOR_SWITCHES_ITSELF
// Saves the registers that a call must keep and the stack pointer, and takes up the other's.
extern "C" void emulator_switch(void** save, void* load);
#else
#include <ucontext.h>
#endif

namespace emulator {

class Fiber {
  public:
#if defined(EMULATE_ADDRESS)
    static constexpr size_t STACK = 256 << 10;
#elif defined(EMULATE_THREAD)
    static constexpr size_t STACK = 32 << 10;  // ThreadSanitizer clears four times as much when it is mapped
#else
    static constexpr size_t STACK = 64 << 10;
#endif

    Fiber() = default;
    Fiber(const Fiber&) = delete;

    // Makes this the fiber of whoever calls: the host, which has a stack already.
    void adopt() {
#ifdef EMULATE_THREAD
        tsan_ = __tsan_get_current_fiber();
#endif
    }

    bool made() const { return stack_ != nullptr; }

    // entry: called on the new stack at the first switch; must not return.
    void make(void (*entry)()) {
        void* got = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) std::abort();
        stack_ = static_cast<char*>(got);
        bytes_ = STACK;
#ifdef EMULATE_THREAD
        tsan_ = __tsan_create_fiber(0);
#endif
#ifdef EMULATOR_SWITCHES_ITSELF
        void** top = reinterpret_cast<void**>(stack_ + STACK - 64);
        *--top = nullptr;  // the return address of entry: keeps the stack aligned as after a call
        *--top = reinterpret_cast<void*>(entry);
        for (int saved = 0; saved < 6; saved++) *--top = nullptr;
        pointer_ = top;
#else
        getcontext(&context_);
        context_.uc_stack.ss_sp = stack_;
        context_.uc_stack.ss_size = STACK;
        context_.uc_link = nullptr;
        makecontext(&context_, entry, 0);
#endif
    }

    // Gives up a fiber that will not end: a launch has failed.
    void drop() {
        if (!made()) return;
        const Unwatched unwatched;
#ifdef EMULATE_THREAD
        __tsan_destroy_fiber(tsan_);
#endif
#ifdef EMULATE_ADDRESS
        __asan_unpoison_memory_region(stack_, STACK);  // frames that have not returned, for who maps this next
#endif
        munmap(stack_, STACK);
        stack_ = nullptr;
    }

    void name([[maybe_unused]] const char* text) {
#ifdef EMULATE_THREAD
        __tsan_set_fiber_name(tsan_, text);
#endif
    }

    // Goes on with `to`; returns when somebody goes on with this.
    void go_on_with(Fiber& to) {
#ifdef EMULATE_ADDRESS
        __sanitizer_start_switch_fiber(&frames_, to.stack_, to.bytes_);
#endif
#ifdef EMULATE_THREAD
        __tsan_switch_to_fiber(to.tsan_, 1);  // 1: a switch orders nothing
#endif
#ifdef EMULATOR_SWITCHES_ITSELF
        emulator_switch(&pointer_, to.pointer_);
#else
        swapcontext(&context_, &to.context_);
#endif
        arrived(to, frames_);
    }

    // For the entry of a fiber, before anything else. from: who switched to it.
    static void arrived_first(Fiber& from) { arrived(from, nullptr); }

  private:
    // Tells AddressSanitizer that the switch is over; it knows where the host's stack lies.
    static void arrived([[maybe_unused]] Fiber& from, [[maybe_unused]] void* frames) {
#ifdef EMULATE_ADDRESS
        const void* stack = nullptr;
        size_t bytes = 0;
        __sanitizer_finish_switch_fiber(frames, &stack, &bytes);
        from.stack_ = static_cast<char*>(const_cast<void*>(stack));
        from.bytes_ = bytes;
#endif
    }

    char* stack_ = nullptr;
    size_t bytes_ = 0;
    void* frames_ = nullptr;
#ifdef EMULATE_THREAD
    void* tsan_ = nullptr;
#endif
#ifdef EMULATOR_SWITCHES_ITSELF
    void* pointer_ = nullptr;
#else
    ucontext_t context_;
#endif
};

}  // namespace emulator
