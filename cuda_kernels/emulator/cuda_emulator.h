// CUDA C++ as far as our kernels use it, for g++: what a .cu text sees when it is run on the CPU.
//
// What is missing here does not compile: raw __shared__ (use SHARED_ARRAY, SHARED_TILE and DYNAMIC_SHARED), __activemask,
// and instructions that not all our architectures have, but where the text asks for __CUDA_ARCH__.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <math.h>  // libstdc++'s: brings the overloads for float into the global namespace

#include "threads.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

#define threadIdx (::emulator::current->index)
#define blockIdx (::emulator::block_index)
#define blockDim (::emulator::block_size)
#define gridDim (::emulator::grid_size)
#define warpSize 32

#define EMULATOR_HERE (::emulator::Place{__FILE__, __LINE__})
#define __syncthreads() ::emulator::barrier(::emulator::Vote::none, 0, EMULATOR_HERE)
#define __syncthreads_count(p) ::emulator::barrier(::emulator::Vote::count, (p) ? 1 : 0, EMULATOR_HERE)
#define __syncthreads_or(p) ::emulator::barrier(::emulator::Vote::any, (p) ? 1 : 0, EMULATOR_HERE)
#define __syncthreads_and(p) ::emulator::barrier(::emulator::Vote::all, (p) ? 1 : 0, EMULATOR_HERE)

// A shared array of constant length; and the dynamic shared memory of the launch, as elements of T.
#define SHARED_ARRAY(T, name, n)           \
    static const char emulator_site_##name = 0; \
    T(&name)[n] = *static_cast<T(*)[n]>(::emulator::static_shared(&emulator_site_##name, sizeof(T[n])))
#define SHARED_TILE(T, name, n) SHARED_ARRAY(T, name, n)
#define DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(::emulator::dynamic_shared())

#include "atomics.h"
#include "intrinsics.h"
#include "warp_primitives.h"
