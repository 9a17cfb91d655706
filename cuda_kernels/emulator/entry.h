// The host's side of one template instance: what arguments it takes, and its launch. One line EMULATED(id, instance).
#pragma once
#include <string>
#include <type_traits>
#include <utility>

#include "threads.h"

namespace emulator {

struct Geometry {
    unsigned grid[3], block[3];
    size_t dynamic_bytes;
    int order;  // 0 forward, 1 reverse, 2 random
    unsigned seed;
};

// Runs the kernel for every thread of the grid. 0, or 1 and a message.
int launch(void (*kernel)(void*), void* arguments, const Geometry& geometry, char* message, size_t room);

// "float32", "int64", …: kind and bits, as torch names dtypes.
template <class T>
std::string scalar() {
    const char* kind = std::is_floating_point_v<T> ? "float" : std::is_signed_v<T> ? "int" : "uint";
    return std::is_same_v<T, bool> ? "bool" : kind + std::to_string(8 * sizeof(T));
}

// "const float32*" for a pointer, else as `scalar`.
template <class T>
std::string argument() {
    if constexpr (std::is_pointer_v<T>) {
        using Element = std::remove_pointer_t<T>;
        if constexpr (std::is_arithmetic_v<std::remove_const_t<Element>>)
            return (std::is_const_v<Element> ? "const " : "") + scalar<std::remove_const_t<Element>>() + "*";
        else
            return (std::is_const_v<Element> ? "const " : "") + std::string("struct") +
                   std::to_string(8 * sizeof(Element)) + "*";
    } else {
        return scalar<std::remove_const_t<T>>();
    }
}

template <class... A>
std::string signature(void (*)(A...)) {
    std::string all;
    ((all += (all.empty() ? "" : ", ") + argument<A>()), ...);
    return all;
}

template <class... A>
struct Call {
    void (*kernel)(A...);
    void** arguments;

    template <size_t... I>
    void run(std::index_sequence<I...>) {
        kernel(*static_cast<std::remove_const_t<A>*>(arguments[I])...);
    }
    static void thread(void* call) { static_cast<Call*>(call)->run(std::index_sequence_for<A...>{}); }
};

template <class... A>
int start(void (*kernel)(A...), void** arguments, const Geometry& geometry, char* message, size_t room) {
    Call<A...> call{kernel, arguments};
    return launch(&Call<A...>::thread, &call, geometry, message, room);
}

}  // namespace emulator

#define EMULATED(id, ...)                                                                               \
    extern "C" const char* signature_##id() {                    \
        static const std::string text = ::emulator::signature(__VA_ARGS__);                             \
        return text.c_str();                                                                            \
    }                                                                                                   \
    extern "C" int launch_##id(                                  \
        void** arguments, const ::emulator::Geometry* geometry, char* message, size_t room) {           \
        return ::emulator::start(__VA_ARGS__, arguments, *geometry, message, room);                     \
    }
