"""The `.cu` texts, run on the CPU: every CUDA thread is a fiber of one thread, which switches where CUDA threads meet.

`cuda_emulator.h` is what a `.cu` text sees, `scheduler.cpp` runs it, `build` compiles both, `run` launches.
"""
