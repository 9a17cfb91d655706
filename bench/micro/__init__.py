"""Micro-benchmarks of the ops, each on every backend that this machine has.

    python -m pytest bench/micro --benchmark-only --benchmark-group-by=func

Not part of the tests. Each file asserts that backends agree on the very inputs that it then times. Threads are torch's
own: set OMP_NUM_THREADS. Sizes are those of one step at batch 256, hidden 128 on Amazon-670K, or of 100,000 rows.
"""
